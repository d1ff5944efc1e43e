// What a pass over partial sums notes about them: largest magnitudes,
// histograms, clipped conversions. One per thread, merged at the end. Internal
// to hw.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hw/adc.h"
#include "hw/crossbar.h"
#include "hw/histogram.h"
#include "hw/tile_pass.h"

namespace ohm::hw {

// Whether a calibration looks at more than the largest magnitude.
bool NeedsHistograms(Calibration calibration);

class Observer {
 public:
  // `counts`: with histograms, for calibrations that need them.
  Observer(const Programmed& weights, const Conversion& conversion,
           bool counts);

  // Whether sums are counted in histograms, so that it has to see all of them.
  bool counts() const { return !histograms_.empty(); }

  // Of one conversion of a block (all, or a plane): the largest magnitude in
  // each column, or every sum [pixels, padded outputs]. In products of digits.
  void TakeMost(const TileBlock& block, std::span<const int32_t> most,
                size_t plane = 0);
  void TakeSums(const TileBlock& block, std::span<const float> sums,
                size_t plane = 0);

  // Whether a conversion of what was taken last was clipped, and which of them;
  // `sums` are those of the block.
  bool AnyClipped(const TileBlock& block) const;
  void ListClipped(const TileBlock& block, std::span<const float> sums);

  void Merge(const Observer& other);
  // `unit`: layer units of one product.
  Observed Collect(float unit);

 private:
  void Count(const TileBlock& block, const float* sums, size_t plane);
  const float* Arriving(const TileBlock& block, const float* sums);
  float* MostOf(const TileBlock& block, size_t plane);
  float Asked(const MagnitudeHistogram& histogram) const;

  const Programmed& weights_;
  const Conversion& conversion_;
  size_t planes_;                               // with ranges of their own
  std::vector<float> most_;                     // [planes_, logical columns]
  std::vector<float> block_most_;               // of the last block
  std::vector<float> arriving_;                 // of one pixel
  std::vector<MagnitudeHistogram> histograms_;  // per ADC range, if wanted
  std::vector<Clipped> clipped_;
};

}  // namespace ohm::hw
