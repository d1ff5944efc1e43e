// Magnitudes of a tile's partial sums, counted in bins of constant relative
// width, for ranges that leave out the largest few.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace ohm::hw {

class MagnitudeHistogram {
 public:
  // Counts |values[0 .. count)|.
  void Add(const float* values, int64_t count);
  void Merge(const MagnitudeHistogram& other);

  // A bound that at least `percent` % of the magnitudes do not exceed, less
  // than 1.6 % above the smallest such bound, and never above the largest
  // magnitude; 0 if there are none. percent in (0, 100]. Exact where 100.
  float Percentile(double percent) const;
  float largest() const { return largest_; }

  // The range, of steps of range / largest_code, that makes the mean square
  // error of rounding and clipping the counted magnitudes least; found among
  // ranges 2^(-k/8) times the largest magnitude, k < 64, with each bin as even
  // spread over its width or, where a step is wider, at its middle. 0 if
  // nothing was counted.
  float LeastErrorRange(int largest_code) const;

  // For reports: lower edge and count of each bin that is not empty.
  std::vector<std::pair<float, int64_t>> Filled() const;

 private:
  // 64 bins per octave from 2^-32 to 2^48, in products of codes or in layer
  // units; what is larger falls into the last bin, what is smaller is zero.
  static double LowerEdge(size_t bin);
  double MeanSquareError(double range, int largest_code) const;
  int64_t& At(size_t bin);  // grows to have it

  static constexpr int kBinsPerOctave = 64, kFirstExponent = -32, kOctaves = 80;

  // Of the octaves that are there, for there may be a histogram per column.
  std::vector<int64_t> bins_;
  size_t first_ = 0;  // bin of bins_[0]
  int64_t zeros_ = 0;
  float largest_ = 0;
};

}  // namespace ohm::hw
