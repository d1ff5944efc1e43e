#include <algorithm>
#include <cmath>
#include <mutex>
#include <tuple>

#include "core/base/parallel.h"
#include "core/kernels/simd.h"
#include "hw/crossbar.h"
#include "hw/histogram.h"
#include "hw/kernels/round.h"
#include "hw/tile_pass.h"

namespace ohm::hw {
namespace {

// One pixel through its ADCs, or past them.
OHM_SIMD_CLONES void ConvertRow(const float* sums, const TileAdc& adc,
                                bool ideal, float* y) {
  for (int64_t n = 0; n < adc.outputs; ++n) {
    const float code =
        ideal ? sums[n] : RoundClipped(sums[n] * adc.to_code[n], adc.largest);
    y[n] += code * adc.to_value[n];
  }
}

OHM_SIMD_CLONES void MaxInto(const float* sums, int64_t outputs, float* most) {
  for (int64_t n = 0; n < outputs; ++n) {
    const float a = std::fabs(sums[n]);
    most[n] = a > most[n] ? a : most[n];
  }
}

// What one thread has seen; most and histograms in products of codes.
struct Seen {
  std::vector<float> most;                     // per logical column
  std::vector<MagnitudeHistogram> histograms;  // per tile, if wanted
  std::vector<Clipped> clipped;
  // Scratch of one block: sums and the largest magnitude in each column.
  std::vector<int32_t> integers, integer_most;
  std::vector<float> sums, block_most;
};

class ForwardPass {
 public:
  ForwardPass(const Tensor& x, const Programmed& weights, const Ranges& ranges,
              const Tensor& gain, bool observe)
      : weights_(weights),
        pass_(x, weights, ranges),
        conversion_(MakeConversion(weights, ranges, pass_.unit(), gain)),
        observe_(observe),
        count_(observe && weights.spec.calibration == Calibration::kPercentile),
        fused_(weights.integer && !conversion_.ideal && !count_),
        y_(Tensor::Empty(
            Conv2dOutputShape(x.shape(), weights.weight_shape, weights.conv))),
        all_(MakeSeen()) {}

  Tensor Run(Observed* observed) {
    ParallelFor(pass_.blocks(), 1, [&](int64_t begin, int64_t end) {
      Seen seen = MakeSeen();
      pass_.Run(begin, end, [&](const TileBlock& block) {
        if (fused_) {
          ConvertFused(block, &seen);
        } else {
          ConvertBuffered(block, &seen);
        }
      });
      if (observe_) Merge(seen);
    });
    if (observed != nullptr) *observed = Collect();
    return y_;
  }

 private:
  Seen MakeSeen() const {
    const auto block =
        size_t(pass_.block_pixels() * conversion_.padded_outputs);
    Seen seen;
    seen.integers.resize(block);
    seen.integer_most.resize(size_t(conversion_.padded_outputs));
    seen.block_most.resize(size_t(conversion_.padded_outputs));
    seen.sums.resize(block);
    if (observe_) seen.most.assign(conversion_.to_code.size(), 0.0F);
    if (count_) seen.histograms.resize(size_t(weights_.map.tiles()));
    return seen;
  }

  float* Outputs(const TileBlock& block) {
    return y_.data() + block.first_pixel * weights_.map.outputs() +
           block.group * conversion_.outputs;
  }

  void ConvertFused(const TileBlock& block, Seen* seen) {
    if (observe_) std::ranges::fill(seen->integer_most, 0);
    CurrentTileKernels().convert(
        block.work, conversion_.Adc(block), block.row_tile == 0, Outputs(block),
        weights_.map.outputs(), observe_ ? seen->integer_most.data() : nullptr);
    if (!observe_) return;
    std::ranges::copy(seen->integer_most, seen->block_most.begin());
    TakeMost(block, seen);
    if (!AnyClipped(block, *seen)) return;
    // Rare, and cheaper than keeping every sum.
    pass_.Sums(block, &seen->integers, seen->sums.data());
    ListClipped(block, seen);
  }

  void ConvertBuffered(const TileBlock& block, Seen* seen) {
    pass_.Sums(block, &seen->integers, seen->sums.data());
    const TileAdc adc = conversion_.Adc(block);
    std::ranges::fill(seen->block_most, 0.0F);
    for (int64_t p = 0; p < block.pixels; ++p) {
      const float* sums = seen->sums.data() + p * conversion_.padded_outputs;
      float* y = Outputs(block) + p * weights_.map.outputs();
      if (block.row_tile == 0) std::fill(y, y + adc.outputs, 0.0F);
      ConvertRow(sums, adc, conversion_.ideal, y);
      if (observe_) MaxInto(sums, adc.outputs, seen->block_most.data());
      if (count_) Count(block, sums, seen);
    }
    if (!observe_) return;
    TakeMost(block, seen);
    if (!conversion_.ideal && AnyClipped(block, *seen)) {
      ListClipped(block, seen);
    }
  }

  void TakeMost(const TileBlock& block, Seen* seen) const {
    float* most =
        seen->most.data() + conversion_.First(block.group, block.row_tile);
    for (int64_t n = 0; n < conversion_.outputs; ++n) {
      most[n] = std::max(most[n], seen->block_most[size_t(n)]);
    }
  }

  bool AnyClipped(const TileBlock& block, const Seen& seen) const {
    const TileAdc adc = conversion_.Adc(block);
    const float limit = conversion_.limit();
    bool clipped = false;
    for (int64_t n = 0; n < adc.outputs; ++n) {
      clipped |= seen.block_most[size_t(n)] * adc.to_code[n] > limit;
    }
    return clipped;
  }

  void Count(const TileBlock& block, const float* sums, Seen* seen) const {
    const int64_t outputs = conversion_.outputs;
    for (int64_t n = 0; n < outputs; n += weights_.spec.columns) {
      const int64_t tile =
          weights_.map.TileOf(block.row_tile, block.group * outputs + n);
      seen->histograms[size_t(tile)].Add(
          sums + n, std::min<int64_t>(weights_.spec.columns, outputs - n));
    }
  }

  // Of a block whose sums are in `seen`.
  void ListClipped(const TileBlock& block, Seen* seen) const {
    const TileAdc adc = conversion_.Adc(block);
    for (int64_t n = 0; n < adc.outputs; ++n) {
      const float most = seen->block_most[size_t(n)] * adc.to_code[n];
      if (most <= conversion_.limit()) continue;
      for (int64_t p = 0; p < block.pixels; ++p) {
        const float sum =
            seen->sums[size_t(p * conversion_.padded_outputs + n)];
        if (std::fabs(sum * adc.to_code[n]) <= conversion_.limit()) continue;
        seen->clipped.push_back(
            {block.first_pixel + p, int32_t(block.row_tile),
             int32_t(block.group * conversion_.outputs + n)});
      }
    }
  }

  void Merge(const Seen& seen) {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < seen.most.size(); ++i) {
      all_.most[i] = std::max(all_.most[i], seen.most[i]);
    }
    for (size_t i = 0; i < seen.histograms.size(); ++i) {
      all_.histograms[i].Merge(seen.histograms[i]);
    }
    all_.clipped.insert(all_.clipped.end(), seen.clipped.begin(),
                        seen.clipped.end());
  }

  Observed Collect() {
    const TileMap& map = weights_.map;
    Observed observed;
    observed.tile_range.assign(size_t(map.tiles()), 0.0F);
    for (int64_t o = 0; o < map.outputs(); ++o) {
      for (int64_t t = 0; t < map.row_tiles(); ++t) {
        float& most = observed.tile_range[size_t(map.TileOf(t, o))];
        most = std::max(most,
                        all_.most[size_t(conversion_.At(t, o))] * pass_.unit());
      }
    }
    for (size_t i = 0; i < all_.histograms.size(); ++i) {
      observed.tile_range[i] =
          all_.histograms[i].Percentile(weights_.spec.percentile) *
          pass_.unit();
    }
    observed.clipped = std::move(all_.clipped);
    std::ranges::sort(observed.clipped, [](const Clipped& a, const Clipped& b) {
      return std::tie(a.pixel, a.row_tile, a.output) <
             std::tie(b.pixel, b.row_tile, b.output);
    });
    return observed;
  }

  const Programmed& weights_;
  TilePass pass_;
  Conversion conversion_;
  bool observe_;  // maxima and clipped conversions
  bool count_;    // histograms, too
  bool fused_;    // sums are converted in registers and never stored
  Tensor y_;
  Seen all_;
  std::mutex mutex_;
};

}  // namespace

Tensor Forward(const Tensor& x, const Programmed& weights, const Ranges& ranges,
               const Tensor& gain, Observed* observed) {
  return ForwardPass(x, weights, ranges, gain, observed != nullptr)
      .Run(observed);
}

}  // namespace ohm::hw
