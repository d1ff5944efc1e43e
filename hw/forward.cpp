#include <cmath>
#include <mutex>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/kernels/simd.h"
#include "hw/crossbar.h"
#include "hw/kernels/round.h"
#include "hw/tile_pass.h"

namespace ohm::hw {
namespace {

// One block through its ADCs: y += value; returns how many were clipped.
OHM_SIMD_CLONES int64_t Convert(const float* sums, const float* to_code,
                                const float* to_value, float largest,
                                int64_t outputs, float* y) {
  int32_t clipped = 0;
  for (int64_t n = 0; n < outputs; ++n) {
    const float scaled = sums[n] * to_code[n];
    // A sum at the edge of its range may land an ulp outside it; it is not
    // clipped by that.
    clipped += std::fabs(scaled) > largest * (1.0F + 1e-6F) ? 1 : 0;
    y[n] += RoundClipped(scaled, largest) * to_value[n];
  }
  return clipped;
}

OHM_SIMD_CLONES void AddIdeal(const float* sums, const float* to_value,
                              int64_t outputs, float* y) {
  for (int64_t n = 0; n < outputs; ++n) y[n] += sums[n] * to_value[n];
}

OHM_SIMD_CLONES void MaxInto(const float* sums, int64_t outputs, float* most) {
  for (int64_t n = 0; n < outputs; ++n) {
    const float a = std::fabs(sums[n]);
    most[n] = a > most[n] ? a : most[n];
  }
}

class ForwardPass {
 public:
  ForwardPass(const Tensor& x, const Programmed& weights, const Ranges& ranges,
              const Tensor& gain, bool observe)
      : weights_(weights),
        pass_(x, weights, ranges),
        conversion_(MakeConversion(weights, ranges, pass_.unit(), gain)),
        observe_(observe),
        y_(Tensor::Zeros(
            Conv2dOutputShape(x.shape(), weights.weight_shape, weights.conv))),
        most_(conversion_.to_code.size(), 0.0F),
        clipped_(size_t(pass_.chunks())) {}

  Tensor Run(Observed* observed) {
    ParallelFor(pass_.chunks(), 1, [&](int64_t begin, int64_t end) {
      std::vector<float> most(most_.size(), 0.0F);
      for (int64_t chunk = begin; chunk < end; ++chunk) {
        pass_.RunChunk(chunk, [&](const TileBlock& block) {
          Visit(block, &most, &clipped_[size_t(chunk)]);
        });
      }
      const std::lock_guard lock(mutex_);
      for (size_t i = 0; i < most.size(); ++i) {
        most_[i] = std::max(most_[i], most[i]);
      }
    });
    if (observed != nullptr) *observed = Collect();
    return y_;
  }

 private:
  void Visit(const TileBlock& block, std::vector<float>* most,
             std::vector<Clipped>* clipped) {
    const int64_t outputs = weights_.map.matrix().outputs;
    const int64_t all = weights_.map.outputs();
    const int64_t at = Conversion::At(weights_, block);
    for (int64_t p = 0; p < block.pixels; ++p) {
      const float* sums = block.sums + p * block.columns;
      float* y =
          y_.data() + (block.first_pixel + p) * all + block.group * outputs;
      if (observe_) MaxInto(sums, outputs, most->data() + at);
      if (conversion_.ideal) {
        AddIdeal(sums, conversion_.to_value.data() + at, outputs, y);
      } else if (Convert(sums, conversion_.to_code.data() + at,
                         conversion_.to_value.data() + at, conversion_.largest,
                         outputs, y) > 0 &&
                 observe_) {
        ListClipped(block, p, sums, clipped);
      }
    }
  }

  void ListClipped(const TileBlock& block, int64_t p, const float* sums,
                   std::vector<Clipped>* clipped) const {
    const int64_t outputs = weights_.map.matrix().outputs;
    const int64_t at = Conversion::At(weights_, block);
    for (int64_t n = 0; n < outputs; ++n) {
      const float scaled = sums[n] * conversion_.to_code[size_t(at + n)];
      if (std::fabs(scaled) <= conversion_.largest * (1.0F + 1e-6F)) continue;
      clipped->push_back({block.first_pixel + p, int32_t(block.row_tile),
                          int32_t(block.group * outputs + n)});
    }
  }

  Observed Collect() {
    const TileMap& map = weights_.map;
    Observed observed;
    observed.tile_max.assign(size_t(map.tiles()), 0.0F);
    for (int64_t o = 0; o < map.outputs(); ++o) {
      for (int64_t t = 0; t < map.row_tiles(); ++t) {
        const int64_t g = o / map.matrix().outputs;
        const auto at =
            size_t((g * map.row_tiles() + t) * weights_.padded_outputs +
                   o % map.matrix().outputs);
        float& most = observed.tile_max[size_t(map.TileOf(t, o))];
        most = std::max(most, most_[at] * pass_.unit());
      }
    }
    for (auto& part : clipped_) {
      std::ranges::sort(part, [](const Clipped& a, const Clipped& b) {
        return std::tie(a.pixel, a.row_tile, a.output) <
               std::tie(b.pixel, b.row_tile, b.output);
      });
      observed.clipped.insert(observed.clipped.end(), part.begin(), part.end());
    }
    return observed;
  }

  const Programmed& weights_;
  TilePass pass_;
  Conversion conversion_;
  bool observe_;
  Tensor y_;
  std::vector<float> most_;  // in code products, per logical column
  std::vector<std::vector<Clipped>> clipped_;  // per chunk
  std::mutex mutex_;
};

}  // namespace

Tensor Forward(const Tensor& x, const Programmed& weights, const Ranges& ranges,
               const Tensor& gain, Observed* observed) {
  return ForwardPass(x, weights, ranges, gain, observed != nullptr)
      .Run(observed);
}

}  // namespace ohm::hw
