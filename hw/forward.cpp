#include <algorithm>
#include <mutex>

#include "core/base/parallel.h"
#include "core/kernels/simd.h"
#include "hw/crossbar.h"
#include "hw/observer.h"
#include "hw/row_tile_values.h"
#include "hw/tile_pass.h"

namespace ohm::hw {
namespace {

// First row tile: onto zero, so that -0 becomes +0 whatever the way here.
OHM_SIMD_CLONES void AddRow(const float* values, int64_t count, bool first,
                            float* y) {
  for (int64_t n = 0; n < count; ++n) {
    y[n] = (first ? 0.0F : y[n]) + values[n];
  }
}

OHM_SIMD_CLONES void NarrowRow(const float* from, int64_t count, BFloat16* to) {
  for (int64_t n = 0; n < count; ++n) to[n] = FromFloat<BFloat16>(from[n]);
}

// One thread's part of a forward pass.
class ForwardWorker {
 public:
  ForwardWorker(const TilePass& pass, const Programmed& weights,
                const Conversion& conversion, bool observe, bool counts,
                Tensor* y)
      : pass_(pass),
        conversion_(conversion),
        values_(pass, weights, conversion),
        observer_(weights, conversion, counts),
        observe_(observe),
        noise_(values_.noise()),
        fused_(weights.slicing.whole() &&
               ConvertsInRegisters(weights, conversion) &&
               !(conversion.ideal && noise_.active()) &&
               !(observe && observer_.counts())),
        outputs_(weights.map.outputs()),
        y_(*y),
        most_(size_t(conversion.padded_outputs)) {
    if (y->dtype() == DType::kBF16) {
      rows_.resize(size_t(pass.block_pixels() * conversion.outputs));
    }
  }

  void Run(int64_t begin, int64_t end) {
    pass_.Run(begin, end, [&](const TileBlock& block) {
      if (fused_) {
        ConvertInRegisters(block);
      } else {
        Convert(block);
      }
      pass_.AddCorrection(block, conversion_, &scratch_, Outputs(block),
                          stride());
      if (block.row_tile + 1 == conversion_.row_tiles) Narrow(block);
    });
  }

  const Observer& observer() const { return observer_; }

 private:
  // Where a block's outputs are added up: in y, or in float32 beside it.
  float* Outputs(const TileBlock& block) {
    return rows_.empty() ? y_.data() + block.first_pixel * outputs_ +
                               block.group * conversion_.outputs
                         : rows_.data();
  }
  int64_t stride() const {
    return rows_.empty() ? outputs_ : conversion_.outputs;
  }

  void ConvertInRegisters(const TileBlock& block) {
    std::ranges::fill(most_, 0);
    TileAdc adc = conversion_.Adc(block.group, block.row_tile);
    noise_.Draw(block, 0, &adc);
    CurrentTileKernels().convert(block.work, adc, block.row_tile == 0,
                                 Outputs(block), stride(),
                                 observe_ ? most_.data() : nullptr);
    if (!observe_) return;
    observer_.TakeMost(block, most_);
    if (conversion_.ideal || !observer_.AnyClipped(block)) return;
    // Rare, and cheaper than keeping every sum.
    const auto sums = pass_.Sums(block, &scratch_);
    noise_.AddDrawn(block, sums);
    observer_.ListClipped(block, sums);
  }

  void Convert(const TileBlock& block) {
    const auto values = values_.Values(block, observe_ ? &observer_ : nullptr);
    for (int64_t p = 0; p < block.pixels; ++p) {
      AddRow(values.data() + p * conversion_.padded_outputs,
             conversion_.outputs, block.row_tile == 0,
             Outputs(block) + p * stride());
    }
  }

  void Narrow(const TileBlock& block) {
    if (rows_.empty()) return;
    if (conversion_.outputs == outputs_) {  // rows lie one after the other
      NarrowRow(rows_.data(), block.pixels * outputs_,
                y_.data<BFloat16>() + block.first_pixel * outputs_);
      return;
    }
    for (int64_t p = 0; p < block.pixels; ++p) {
      NarrowRow(rows_.data() + p * stride(), conversion_.outputs,
                y_.data<BFloat16>() + (block.first_pixel + p) * outputs_ +
                    block.group * conversion_.outputs);
    }
  }

  const TilePass& pass_;
  const Conversion& conversion_;
  RowTileValues values_;
  Observer observer_;
  bool observe_;
  NoiseAdder& noise_;
  bool fused_;  // sums are converted in registers and never stored
  int64_t outputs_;
  Tensor& y_;
  std::vector<float> rows_;    // of a bf16 result
  std::vector<int32_t> most_;  // largest magnitude of each column
  TileScratch scratch_;
};

}  // namespace

Tensor Forward(const Tensor& x, const Programmed& weights, const Ranges& ranges,
               const Tensor& gain, Observed* observed, const PassNoise* noise) {
  const bool wants_adc = observed != nullptr && observed->wants_adc;
  const bool counts = wants_adc && NeedsHistograms(weights.spec.calibration);
  const TilePass pass(x, weights, ranges,
                      counts ? Cycles::kApart : Cycles::kTogether, noise);
  const Conversion conversion =
      MakeConversion(weights, ranges, pass.unit(), gain, noise);
  Tensor y = Tensor::Empty(
      Conv2dOutputShape(x.shape(), weights.weight_shape, weights.conv),
      x.dtype());
  Observer all(weights, conversion, counts);
  std::mutex mutex;
  ParallelFor(pass.blocks(), 1, [&](int64_t begin, int64_t end) {
    ForwardWorker worker(pass, weights, conversion, observed != nullptr, counts,
                         &y);
    worker.Run(begin, end);
    if (observed == nullptr) return;
    const std::lock_guard lock(mutex);
    all.Merge(worker.observer());
  });
  if (observed == nullptr) return y;
  *observed = all.Collect(pass.unit());
  observed->wants_adc = wants_adc;
  return y;
}

}  // namespace ohm::hw
