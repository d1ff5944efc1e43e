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

// Mean square error of numbers even spread over low..high in a quantiser of
// steps of `step` up to `range`.
double BinError(double low, double high, double range, double step) {
  const double middle = (low + high) / 2;
  if (middle >= range) return (middle - range) * (middle - range);
  if (high - low > step / 2) return step * step / 12;
  const double rounded = std::nearbyint(middle / step) * step;
  return (middle - rounded) * (middle - rounded);
}

}  // namespace

int64_t& MagnitudeHistogram::At(size_t bin) {
  const size_t octave = bin / kBinsPerOctave * kBinsPerOctave;
  if (bins_.empty()) first_ = octave;
  if (octave < first_) {
    bins_.insert(bins_.begin(), first_ - octave, 0);
    first_ = octave;
  }
  const size_t needed = octave + kBinsPerOctave - first_;
  if (bins_.size() < needed) bins_.resize(needed, 0);
  return bins_[bin - first_];
}

void MagnitudeHistogram::Add(const float* values, int64_t count) {
  constexpr int32_t kBase = (kExponentBias + kFirstExponent) * kBinsPerOctave;
  constexpr int32_t kLast = kBinsPerOctave * kOctaves - 1;
  for (int64_t i = 0; i < count; ++i) {
    const float magnitude = std::fabs(values[i]);
    largest_ = std::max(largest_, magnitude);
    const auto bin = (std::bit_cast<int32_t>(magnitude) >> kShift) - kBase;
    const auto at = static_cast<size_t>(std::min(bin, kLast)) - first_;
    if (bin < 0) {
      ++zeros_;
    } else if (at < bins_.size()) {  // also not where `at` is less than 0
      ++bins_[at];
    } else {
      ++At(at + first_);
    }
  }
}

void MagnitudeHistogram::Merge(const MagnitudeHistogram& other) {
  for (size_t i = 0; i < other.bins_.size(); ++i) {
    if (other.bins_[i] != 0) At(other.first_ + i) += other.bins_[i];
  }
  zeros_ += other.zeros_;
  largest_ = std::max(largest_, other.largest_);
}

double MagnitudeHistogram::LowerEdge(size_t bin) {
  const auto fraction = double(bin % kBinsPerOctave) / kBinsPerOctave;
  return std::ldexp(1 + fraction, kFirstExponent + int(bin / kBinsPerOctave));
}

float MagnitudeHistogram::Percentile(double percent) const {
  OHM_ASSERT(percent > 0 && percent <= 100);
  int64_t all = zeros_;
  for (const int64_t n : bins_) all += n;
  const double wanted = percent / 100 * double(all);
  int64_t covered = zeros_;
  if (covered > 0 && double(covered) >= wanted) {
    return std::min(static_cast<float>(LowerEdge(0)), largest_);
  }
  for (size_t i = 0; i < bins_.size(); ++i) {
    covered += bins_[i];
    if (double(covered) < wanted || covered == 0) continue;
    if (covered == all) break;
    return std::min(static_cast<float>(LowerEdge(first_ + i + 1)), largest_);
  }
  return largest_;
}

double MagnitudeHistogram::MeanSquareError(double range,
                                           int largest_code) const {
  const double step = range / largest_code;
  double sum = 0;
  auto count = double(zeros_);  // which have no error
  for (size_t i = 0; i < bins_.size(); ++i) {
    if (bins_[i] == 0) continue;
    const double low = LowerEdge(first_ + i), high = LowerEdge(first_ + i + 1);
    sum += double(bins_[i]) * BinError(low, high, range, step);
    count += double(bins_[i]);
  }
  return count > 0 ? sum / count : 0.0;
}

float MagnitudeHistogram::LeastErrorRange(int largest_code) const {
  constexpr int kSteps = 64, kStepsPerOctave = 8;
  double best = double(largest_);
  double least = MeanSquareError(best, largest_code);
  for (int k = 1; k < kSteps && largest_ > 0; ++k) {
    const double range =
        double(largest_) * std::exp2(-double(k) / kStepsPerOctave);
    const double error = MeanSquareError(range, largest_code);
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return static_cast<float>(best);
}

std::vector<std::pair<float, int64_t>> MagnitudeHistogram::Filled() const {
  std::vector<std::pair<float, int64_t>> filled;
  if (zeros_ != 0) filled.emplace_back(0.0F, zeros_);
  for (size_t i = 0; i < bins_.size(); ++i) {
    if (bins_[i] == 0) continue;
    filled.emplace_back(float(LowerEdge(first_ + i)), bins_[i]);
  }
  return filled;
}

}  // namespace ohm::hw
