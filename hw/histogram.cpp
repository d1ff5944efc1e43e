#include "hw/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/base/check.h"

namespace ohm::hw {
namespace {

// A float's exponent and the first 6 bits of its fraction, in one number.
constexpr int kShift = 23 - 6;
constexpr int32_t kExponentBias = 127;

}  // namespace

void MagnitudeHistogram::Add(const float* values, int64_t count) {
  constexpr int32_t kBase = (kExponentBias + kFirstExponent) * kBinsPerOctave;
  constexpr int32_t kLast = kBinsPerOctave * kOctaves - 1;
  for (int64_t i = 0; i < count; ++i) {
    const float magnitude = std::fabs(values[i]);
    largest_ = std::max(largest_, magnitude);
    const auto bin = std::bit_cast<int32_t>(magnitude) >> kShift;
    ++bins_[static_cast<size_t>(std::clamp(bin - kBase, 0, kLast))];
  }
}

void MagnitudeHistogram::Merge(const MagnitudeHistogram& other) {
  for (size_t i = 0; i < bins_.size(); ++i) bins_[i] += other.bins_[i];
  largest_ = std::max(largest_, other.largest_);
}

float MagnitudeHistogram::Percentile(double percent) const {
  OHM_ASSERT(percent > 0 && percent <= 100);
  int64_t all = 0;
  for (const int64_t n : bins_) all += n;
  const double wanted = percent / 100 * double(all);
  int64_t covered = 0;
  for (size_t i = 0; i + 1 < bins_.size(); ++i) {
    covered += bins_[i];
    if (double(covered) < wanted || covered == 0) continue;
    if (covered == all) break;
    // The upper edge of the bin.
    const auto fraction = double((i + 1) % kBinsPerOctave) / kBinsPerOctave;
    const int exponent = kFirstExponent + int((i + 1) / kBinsPerOctave);
    const auto edge = static_cast<float>(std::ldexp(1 + fraction, exponent));
    return std::min(edge, largest_);
  }
  return largest_;
}

}  // namespace ohm::hw
