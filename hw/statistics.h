// What the ADCs of a layer see, tile by tile: sums, how much of their range
// they use, how many they cut. On request only; costs about a second pass.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/crossbar.h"
#include "hw/histogram.h"

namespace ohm::hw {

struct TileStatistics {
  int64_t conversions = 0;
  int64_t saturated = 0;    // sums beyond the ADC's outermost codes
  float range = 0;          // layer units; the largest of a tile's columns
  MagnitudeHistogram sums;  // layer units; of planes where they are converted

  // Largest sum over range; 0 where there is no range (an ideal ADC).
  double range_used() const;
  double saturated_share() const;
};

// Adds what one forward pass's conversions see, its noise included, to one
// entry per tile (TileMap::TileOf); `tiles` empty: begins. Arguments as for
// Forward. `weights`: of Shortcut::kNever, or conversions that lose nothing
// count as the one integer product that they are computed as.
void CollectStatistics(const Tensor& x, const Programmed& weights,
                       const Ranges& ranges, const PassNoise* noise,
                       std::vector<TileStatistics>* tiles);

}  // namespace ohm::hw
