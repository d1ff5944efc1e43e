// Magnitudes of a tile's partial sums, counted in bins of constant relative
// width, for ranges that leave out the largest few.
#pragma once

#include <cstddef>
#include <cstdint>
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

 private:
  // 64 bins per octave from 2^-32 to 2^48, in products of codes or in layer
  // units; what is smaller or larger falls into the outer bins.
  static constexpr int kBinsPerOctave = 64, kFirstExponent = -32, kOctaves = 80;

  std::vector<int64_t> bins_ =
      std::vector<int64_t>(size_t{kBinsPerOctave} * kOctaves, 0);
  float largest_ = 0;
};

}  // namespace ohm::hw
