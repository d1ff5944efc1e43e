#include "hw/observer.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/kernels/simd.h"

namespace ohm::hw {
namespace {

OHM_SIMD_CLONES void MaxInto(const float* sums, int64_t outputs, float* most) {
  for (int64_t n = 0; n < outputs; ++n) {
    const float a = std::fabs(sums[n]);
    most[n] = a > most[n] ? a : most[n];
  }
}

}  // namespace

bool NeedsHistograms(Calibration calibration) {
  return calibration == Calibration::kPercentile ||
         calibration == Calibration::kLeastError ||
         calibration == Calibration::kLearned;
}

Observer::Observer(const Programmed& weights, const Conversion& conversion,
                   bool counts)
    : weights_(weights),
      conversion_(conversion),
      planes_(size_t(RangePlanes(weights.spec))),
      most_(planes_ * conversion.to_code.size(), 0.0F),
      block_most_(size_t(conversion.padded_outputs)) {
  if (counts) {
    histograms_.resize(size_t(AdcRangeCount(weights.map, weights.spec)));
  }
}

float* Observer::MostOf(const TileBlock& block, size_t plane) {
  return most_.data() +
         (planes_ == 1 ? 0 : plane) * conversion_.to_code.size() +
         conversion_.First(block.group, block.row_tile);
}

void Observer::TakeMost(const TileBlock& block, std::span<const int32_t> most,
                        size_t plane) {
  float* all = MostOf(block, plane);
  for (size_t n = 0; n < size_t(conversion_.outputs); ++n) {
    block_most_[n] = float(most[n]);
    all[n] = std::max(all[n], block_most_[n]);
  }
}

void Observer::TakeSums(const TileBlock& block, std::span<const float> sums,
                        size_t plane) {
  std::ranges::fill(block_most_, 0.0F);
  for (int64_t p = 0; p < block.pixels; ++p) {
    const float* row = sums.data() + p * conversion_.padded_outputs;
    MaxInto(row, conversion_.outputs, block_most_.data());
    if (counts()) Count(block, Arriving(block, row), plane);
  }
  MaxInto(block_most_.data(), conversion_.outputs, MostOf(block, plane));
}

// What is left of one pixel's sums at the ADCs.
const float* Observer::Arriving(const TileBlock& block, const float* sums) {
  if (conversion_.sum_scale.empty()) return sums;
  const float* scale = conversion_.sum_scale.data() +
                       conversion_.First(block.group, block.row_tile);
  arriving_.resize(size_t(conversion_.outputs));
  for (size_t n = 0; n < arriving_.size(); ++n) {
    arriving_[n] = sums[n] * scale[n];
  }
  return arriving_.data();
}

// Neighbouring outputs of one tile share a range, unless each has its own.
void Observer::Count(const TileBlock& block, const float* sums, size_t plane) {
  const int64_t outputs = conversion_.outputs;
  const int64_t together = weights_.spec.adc_range == AdcRange::kColumn
                               ? 1
                               : weights_.map.outputs_per_tile();
  for (int64_t n = 0; n < outputs; n += together) {
    const int64_t range = AdcRangeOf(weights_.map, weights_.spec,
                                     block.row_tile, block.group * outputs + n,
                                     planes_ == 1 ? 0 : int64_t(plane));
    histograms_[size_t(range)].Add(sums + n, std::min(together, outputs - n));
  }
}

bool Observer::AnyClipped(const TileBlock& block) const {
  const TileAdc adc = conversion_.Adc(block.group, block.row_tile);
  bool clipped = false;
  for (int64_t n = 0; n < adc.outputs; ++n) {
    // Of a magnitude: of offset codes one more may turn out not to be.
    clipped |= conversion_.Clips(block_most_[size_t(n)] * adc.to_code[n]);
  }
  return clipped;
}

void Observer::ListClipped(const TileBlock& block,
                           std::span<const float> sums) {
  const TileAdc adc = conversion_.Adc(block.group, block.row_tile);
  for (int64_t n = 0; n < adc.outputs; ++n) {
    if (!conversion_.Clips(block_most_[size_t(n)] * adc.to_code[n])) continue;
    for (int64_t p = 0; p < block.pixels; ++p) {
      const float sum = sums[size_t(p * conversion_.padded_outputs + n)];
      if (!conversion_.Clips(sum * adc.to_code[n])) continue;
      clipped_.push_back({block.first_pixel + p, int32_t(block.row_tile),
                          int32_t(block.group * conversion_.outputs + n)});
    }
  }
}

void Observer::Merge(const Observer& other) {
  for (size_t i = 0; i < most_.size(); ++i) {
    most_[i] = std::max(most_[i], other.most_[i]);
  }
  for (size_t i = 0; i < histograms_.size(); ++i) {
    histograms_[i].Merge(other.histograms_[i]);
  }
  clipped_.insert(clipped_.end(), other.clipped_.begin(), other.clipped_.end());
}

float Observer::Asked(const MagnitudeHistogram& histogram) const {
  if (weights_.spec.calibration == Calibration::kPercentile) {
    return histogram.Percentile(weights_.spec.percentile);
  }
  return histogram.LeastErrorRange(
      LevelsOf(weights_.spec, weights_.slicing).largest);
}

Observed Observer::Collect(float unit) {
  const TileMap& map = weights_.map;
  Observed observed;
  observed.adc.assign(size_t(AdcRangeCount(map, weights_.spec)), 0.0F);
  for (int64_t o = 0; o < map.outputs(); ++o) {
    for (int64_t t = 0; t < map.row_tiles(); ++t) {
      const auto at = size_t(conversion_.At(t, o));
      for (size_t plane = 0; plane < planes_; ++plane) {
        float& range = observed.adc[size_t(
            AdcRangeOf(map, weights_.spec, t, o, int64_t(plane)))];
        range = std::max(range, most_[plane * conversion_.to_code.size() + at] *
                                    unit * conversion_.SumScaleOf(at));
      }
    }
  }
  for (size_t i = 0; i < histograms_.size(); ++i) {
    observed.adc[i] = Asked(histograms_[i]) * unit;
  }
  observed.clipped = std::move(clipped_);
  std::ranges::sort(observed.clipped, [](const Clipped& a, const Clipped& b) {
    return std::tie(a.pixel, a.row_tile, a.output) <
           std::tie(b.pixel, b.row_tile, b.output);
  });
  return observed;
}

}  // namespace ohm::hw
