#include <algorithm>
#include <span>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/simd.h"
#include "hw/converters.h"
#include "hw/crossbar.h"
#include "hw/row_tile_values.h"
#include "hw/tile_pass.h"

namespace ohm::hw {
namespace {

constexpr int64_t kParts = 64;

OHM_SIMD_CLONES void WeighRow(const float* values, const float* gy,
                              int64_t count, float* total) {
  for (int64_t n = 0; n < count; ++n) total[n] += values[n] * gy[n];
}

// Sums over pixels of gy times something of each logical column.
class ColumnSums {
 public:
  enum class Of : uint8_t { kValues, kRangeSlopes };

  ColumnSums(const TilePass& pass, const Programmed& weights,
             const Conversion& conversion, const Tensor& gy, Of of)
      : planes_(of == Of::kRangeSlopes ? pass.planes() : 1),
        pass_(pass),
        conversion_(conversion),
        values_(pass, weights, conversion),
        gy_(gy),
        all_(weights.map.outputs()),
        of_(of),
        fused_(of == Of::kValues && weights.slicing.whole() &&
               !weights.correction.defined() &&
               ConvertsInRegisters(weights, conversion)),
        part_(planes_ * conversion.to_code.size()) {}

  // In float within a block, in double over blocks [begin, end).
  std::vector<double> Run(int64_t begin, int64_t end) {
    std::vector<double> total(part_.size(), 0.0);
    for (int64_t b = begin; b < end; ++b) {
      std::ranges::fill(part_, 0.0F);
      pass_.Run(b, b + 1, [&](const TileBlock& block) { Weigh(block); });
      for (size_t i = 0; i < total.size(); ++i) total[i] += double(part_[i]);
    }
    return total;
  }

 private:
  void Weigh(const TileBlock& block) {
    const float* gy = gy_.data() + block.first_pixel * all_ +
                      block.group * conversion_.outputs;
    for (size_t plane = 0; plane < planes_; ++plane) {
      Weigh(block, plane, gy,
            part_.data() + plane * conversion_.to_code.size() +
                conversion_.First(block.group, block.row_tile));
    }
  }

  void Weigh(const TileBlock& block, size_t plane, const float* gy,
             float* total) {
    if (fused_) {
      CurrentTileKernels().weigh(block.work,
                                 conversion_.Adc(block.group, block.row_tile),
                                 gy, all_, total);
      return;
    }
    const auto values = of_ == Of::kValues ? values_.Corrected(block)
                                           : values_.RangeSlopes(block, plane);
    for (int64_t p = 0; p < block.pixels; ++p) {
      WeighRow(values.data() + p * conversion_.padded_outputs, gy + p * all_,
               conversion_.outputs, total);
    }
  }

  size_t planes_;
  const TilePass& pass_;
  const Conversion& conversion_;
  RowTileValues values_;
  const Tensor& gy_;
  int64_t all_;
  Of of_;
  bool fused_;
  std::vector<float> part_;
};

// Of each logical column, as Conversion::At counts them; range slopes for each
// plane, one after the other. A fixed number of
// parts keeps the order of additions, and the memory.
std::vector<double> SumColumns(const TilePass& pass, const Programmed& weights,
                               const Conversion& conversion, const Tensor& gy,
                               ColumnSums::Of of) {
  const Tensor gy32 = kernels::Cast(gy, DType::kF32);
  const int64_t parts = std::min(kParts, pass.blocks());
  std::vector<std::vector<double>> sums(static_cast<size_t>(parts));
  ParallelFor(parts, 1, [&](int64_t begin, int64_t end) {
    ColumnSums columns(pass, weights, conversion, gy32, of);
    for (int64_t i = begin; i < end; ++i) {
      sums[size_t(i)] = columns.Run(pass.blocks() * i / parts,
                                    pass.blocks() * (i + 1) / parts);
    }
  });
  std::vector<double> total = std::move(sums[0]);
  for (size_t i = 1; i < sums.size(); ++i) {
    for (size_t n = 0; n < total.size(); ++n) total[n] += sums[i][n];
  }
  return total;
}

}  // namespace

Tensor GainGradient(const Tensor& x, const Programmed& weights,
                    const Ranges& ranges, const Tensor& gy) {
  const TilePass pass(x, weights, ranges, Cycles::kTogether);
  const Conversion conversion =
      MakeConversion(weights, ranges, pass.unit(), Tensor());
  const std::vector<double> sums =
      SumColumns(pass, weights, conversion, gy, ColumnSums::Of::kValues);
  const TileMap& map = weights.map;
  Tensor gradient = Tensor::Empty(map.MaskEntries());
  for (int64_t t = 0; t < map.row_tiles(); ++t) {
    for (int64_t o = 0; o < map.outputs(); ++o) {
      gradient.data()[t * map.outputs() + o] =
          static_cast<float>(sums[size_t(conversion.At(t, o))]);
    }
  }
  return gradient;
}

Tensor WeightGradient(const Tensor& x, const Programmed& weights,
                      float input_range, const Tensor& gy) {
  constexpr int kExactInBF16 = 256;
  const int largest = LargestInput(weights.spec);
  const float step = largest == 0 ? 1.0F : StepFor(input_range, largest);
  const bool codes =
      x.dtype() == DType::kBF16 && largest > 0 && largest <= kExactInBF16;
  const Tensor xq = ApplyDac(x, input_range, largest, codes ? 1.0F : step);
  Tensor gw =
      kernels::Conv2dGradWeight(xq, gy, weights.weight_shape, weights.conv);
  if (codes) {
    for (float& v : gw.span()) v *= step;
  }
  return gw;
}

bool GainFollowsWeights(const Programmed& weights) {
  return weights.slicing.input_offset == 0 || !weights.cells.defined();
}

Tensor GainGradientOf(const Programmed& weights, const Tensor& gw) {
  const TileMap& map = weights.map;
  const int64_t fan_in = map.matrix().fan_in;
  Tensor gradient = Tensor::Empty(map.MaskEntries());
  ParallelFor(map.outputs(), 4, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      const float* g = gw.data() + o * fan_in;
      const float* w = weights.effective.data() + o * fan_in;
      for (int64_t t = 0; t < map.row_tiles(); ++t) {
        double sum = 0;
        for (const int32_t k : map.RowsOf(t)) sum += double(g[k]) * w[k];
        gradient.data()[t * map.outputs() + o] = static_cast<float>(sum);
      }
    }
  });
  return gradient;
}

Tensor RangeGradient(const Tensor& x, const Programmed& weights,
                     const Ranges& ranges, const Tensor& gain, const Tensor& gy,
                     const PassNoise* noise) {
  const TilePass pass(x, weights, ranges, Cycles::kApart, noise);
  const Conversion conversion =
      MakeConversion(weights, ranges, pass.unit(), Tensor(), noise);
  if (conversion.ideal || ranges.adc.empty()) {
    return Tensor::Zeros({int64_t(ranges.adc.size())});
  }
  const std::vector<double> slopes =
      SumColumns(pass, weights, conversion, gy, ColumnSums::Of::kRangeSlopes);
  const TileMap& map = weights.map;
  std::vector<double> sums(ranges.adc.size(), 0.0);
  for (int64_t t = 0; t < map.row_tiles(); ++t) {
    for (int64_t o = 0; o < map.outputs(); ++o) {
      for (size_t plane = 0; plane < pass.planes(); ++plane) {
        const int64_t range = AdcRangeOf(
            map, weights.spec, t, o, conversion.apart() ? int64_t(plane) : 0);
        const size_t at =
            plane * conversion.to_code.size() + size_t(conversion.At(t, o));
        sums[size_t(range)] += slopes[at] * double(GainOf(gain, map, t, o));
      }
    }
  }
  Tensor gradient = Tensor::Empty({int64_t(sums.size())});
  const double largest = LevelsOf(weights.spec, weights.slicing).largest;
  for (size_t i = 0; i < sums.size(); ++i) {
    gradient.data()[i] = static_cast<float>(sums[i] / largest);
  }
  return gradient;
}

Tensor ScaledWeights(const Programmed& weights, const Tensor& gain) {
  if (!gain.defined()) return weights.effective;
  Tensor scaled = weights.effective.Clone();
  ScaleColumns(weights.map, gain, &scaled);
  return scaled;
}

void ScaleWeightGradient(const Programmed& weights, const Tensor& gain,
                         Tensor* gw) {
  if (gain.defined()) ScaleColumns(weights.map, gain, gw);
  if (!weights.slope.defined()) return;
  const float* slope = weights.slope.data();
  float* to = gw->data();
  const int64_t count = gw->count();
  for (int64_t i = 0; i < count; ++i) to[i] *= slope[i];
}

void AddOffsetGradient(const Programmed& weights, float input_range,
                       const Tensor& gain, const Tensor& gy, Tensor* gw) {
  const int offset = weights.slicing.input_offset;
  if (offset == 0 || !weights.slope.defined()) return;
  const float unit =
      float(offset) * StepFor(input_range, LargestInput(weights.spec));
  const Tensor sums = kernels::SumRows(gy);
  const TileMap& map = weights.map;
  const int64_t fan_in = map.matrix().fan_in;
  for (int64_t o = 0; o < map.outputs(); ++o) {
    for (int64_t t = 0; t < map.row_tiles(); ++t) {
      const float scale =
          gain.defined() ? gain.data()[t * map.outputs() + o] : 1.0F;
      const float all = sums.data()[o] * unit * scale;
      for (const int32_t k : map.RowsOf(t)) {
        const int64_t at = o * fan_in + k;
        gw->data()[at] += all * (weights.slope.data()[at] - 1.0F);
      }
    }
  }
}

}  // namespace ohm::hw
