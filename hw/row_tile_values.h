// What the conversions of one row tile make of a block of pixels, in the ways
// that keep the sums: plane by plane, of float sums, or past ideal converters.
// (Whole integer sums are converted in registers; hw/kernels/tile.h.) Internal
// to hw.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hw/adc.h"
#include "hw/noise_adder.h"
#include "hw/observer.h"
#include "hw/tile_pass.h"

namespace ohm::hw {

class RowTileValues {
 public:
  RowTileValues(const TilePass& pass, const Programmed& weights,
                const Conversion& conversion);

  // Converted values in layer units, gain included: [pixels, padded outputs],
  // of which each row's first `outputs` hold something. Valid until the next
  // call. `observer` may be null; sums of planes are not listed as clipped.
  std::span<const float> Values(const TileBlock& block, Observer* observer);

  // And what is added digitally.
  std::span<const float> Corrected(const TileBlock& block);

  NoiseAdder& noise() { return noise_; }

  // Derivatives of values by the step of a plane's ADC, for a gain of 1:
  // weight * (code - sum in steps where not clipped). A whole conversion is its
  // only plane.
  std::span<const float> RangeSlopes(const TileBlock& block, size_t plane);

 private:
  // A block's sums with their noise.
  std::span<const float> Sums(const TileBlock& block, const TileBlock& of_plane,
                              size_t plane);
  std::span<const float> Whole(const TileBlock& block, Observer* observer);
  std::span<const float> InPlanes(const TileBlock& block, Observer* observer);
  void AddPlane(const TileBlock& block, size_t plane, Observer* observer);
  void Finish(const TileBlock& block);

  const TilePass& pass_;
  const Programmed& weights_;
  const Conversion& conversion_;
  NoiseAdder noise_;
  bool exact_in_registers_;  // kernels round no sum that ought to pass
  TileScratch scratch_;
  std::vector<float> values_;
  std::vector<int32_t> whole_, most_;
};

// Whether the kernels that convert in registers give what Values() gives.
bool ConvertsInRegisters(const Programmed& weights,
                         const Conversion& conversion);

}  // namespace ohm::hw
