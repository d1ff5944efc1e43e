#include <algorithm>
#include <span>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/simd.h"
#include "hw/converters.h"
#include "hw/crossbar.h"
#include "hw/kernels/round.h"
#include "hw/tile_pass.h"

namespace ohm::hw {
namespace {

constexpr int64_t kGainParts = 64;

OHM_SIMD_CLONES void WeighRow(const float* sums, const TileAdc& adc, bool ideal,
                              const float* gy, float* total) {
  for (int64_t n = 0; n < adc.outputs; ++n) {
    const float code =
        ideal ? sums[n] : RoundClipped(sums[n] * adc.to_code[n], adc.largest);
    total[n] += code * adc.to_value[n] * gy[n];
  }
}

// Sums of gy * value for each logical column over blocks [begin, end).
class GainPass {
 public:
  GainPass(const TilePass& pass, const Programmed& weights,
           const Conversion& conversion, const Tensor& gy)
      : pass_(pass), weights_(weights), conversion_(conversion), gy_(gy) {
    const auto block = size_t(pass.block_pixels() * conversion.padded_outputs);
    integers_.resize(block);
    sums_.resize(block);
    part_.resize(conversion.to_code.size());
  }

  // In float within a block, in double over blocks.
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
    const TileAdc adc = conversion_.Adc(block);
    const int64_t all = weights_.map.outputs();
    const float* gy =
        gy_.data() + block.first_pixel * all + block.group * adc.outputs;
    float* total =
        part_.data() + conversion_.First(block.group, block.row_tile);
    if (weights_.integer && !conversion_.ideal) {
      CurrentTileKernels().weigh(block.work, adc, gy, all, total);
      return;
    }
    pass_.Sums(block, &integers_, sums_.data());
    for (int64_t p = 0; p < block.pixels; ++p) {
      WeighRow(sums_.data() + p * conversion_.padded_outputs, adc,
               conversion_.ideal, gy + p * all, total);
    }
  }

  const TilePass& pass_;
  const Programmed& weights_;
  const Conversion& conversion_;
  const Tensor& gy_;
  std::vector<int32_t> integers_;
  std::vector<float> sums_, part_;
};

float GainOf(const Tensor& gain, const TileMap& map, int64_t row_tile,
             int64_t output) {
  return gain.defined() ? gain.data()[row_tile * map.outputs() + output] : 1.0F;
}

// Scales each logical column of weights (or of their gradient) by its gain.
void ScaleColumns(const Programmed& weights, const Tensor& gain, Tensor* w) {
  const TileMap& map = weights.map;
  const int64_t fan_in = map.matrix().fan_in;
  for (int64_t o = 0; o < map.outputs(); ++o) {
    for (int64_t t = 0; t < map.row_tiles(); ++t) {
      const float scale = GainOf(gain, map, t, o);
      float* column = w->data() + o * fan_in + map.first_row(t);
      for (int64_t k = 0; k < map.rows_in(t); ++k) column[k] *= scale;
    }
  }
}

// The clipped entries of pixels in [first, last).
std::span<const Clipped> OfPixels(const std::vector<Clipped>& clipped,
                                  int64_t first, int64_t last) {
  const auto begin =
      std::ranges::lower_bound(clipped, first, {}, &Clipped::pixel);
  const auto end = std::ranges::lower_bound(clipped, last, {}, &Clipped::pixel);
  return {begin, end};
}

// Calls visit(fan-in index, position in x) for the rows of a clipped entry that
// read an input and not padding.
template <typename Visit>
void EachInput(const Clipped& c, const Shape& x, const Shape& y,
               const Programmed& weights, const Visit& visit) {
  const Shape& w = weights.weight_shape;
  const Conv2dSpec& conv = weights.conv;
  const int64_t n = c.pixel / (y[1] * y[2]);
  const int64_t i = c.pixel / y[2] % y[1], j = c.pixel % y[2];
  const int64_t group = c.output / weights.map.matrix().outputs;
  const int64_t first = weights.map.first_row(c.row_tile);
  for (int64_t k = first; k < first + weights.map.rows_in(c.row_tile); ++k) {
    const int64_t channel = k % w[3], b = k / w[3] % w[2], a = k / w[3] / w[2];
    const int64_t r = i * conv.stride_h - conv.pad_h + a * conv.dil_h;
    const int64_t col = j * conv.stride_w - conv.pad_w + b * conv.dil_w;
    if (r < 0 || r >= x[1] || col < 0 || col >= x[2]) continue;
    visit(k, ((n * x[1] + r) * x[2] + col) * x[3] + group * w[3] + channel);
  }
}

}  // namespace

Tensor GainGradient(const Tensor& x, const Programmed& weights,
                    const Ranges& ranges, const Tensor& gy) {
  const TilePass pass(x, weights, ranges);
  const Conversion conversion =
      MakeConversion(weights, ranges, pass.unit(), Tensor());
  // A fixed number of parts keeps the order of additions, and the memory.
  const int64_t parts = std::min(kGainParts, pass.blocks());
  std::vector<std::vector<double>> sums(static_cast<size_t>(parts));
  ParallelFor(parts, 1, [&](int64_t begin, int64_t end) {
    GainPass gain(pass, weights, conversion, gy);
    for (int64_t i = begin; i < end; ++i) {
      sums[size_t(i)] =
          gain.Run(pass.blocks() * i / parts, pass.blocks() * (i + 1) / parts);
    }
  });
  const TileMap& map = weights.map;
  Tensor gradient = Tensor::Empty(map.MaskEntries());
  for (int64_t t = 0; t < map.row_tiles(); ++t) {
    for (int64_t o = 0; o < map.outputs(); ++o) {
      double sum = 0;
      for (const auto& part : sums) sum += part[size_t(conversion.At(t, o))];
      gradient.data()[t * map.outputs() + o] = static_cast<float>(sum);
    }
  }
  return gradient;
}

Tensor ScaledWeights(const Programmed& weights, const Tensor& gain) {
  if (!gain.defined()) return weights.effective;
  Tensor scaled = weights.effective.Clone();
  ScaleColumns(weights, gain, &scaled);
  return scaled;
}

void ScaleWeightGradient(const Programmed& weights, const Tensor& gain,
                         Tensor* gw) {
  if (gain.defined()) ScaleColumns(weights, gain, gw);
}

void RemoveClipped(const std::vector<Clipped>& clipped, const Tensor& x,
                   const Programmed& weights, const Ranges& ranges,
                   const Tensor& gain, const Tensor& gy, Tensor* gx,
                   Tensor* gw) {
  if (clipped.empty()) return;
  const TileMap& map = weights.map;
  const int64_t all = map.outputs(), fan_in = map.matrix().fan_in;
  const Shape y = gy.shape();
  if (gx != nullptr && gx->defined()) {
    // An image's entries touch only its own gradient.
    ParallelFor(y[0], 1, [&](int64_t begin, int64_t end) {
      const int64_t image = y[1] * y[2];
      for (const Clipped& c : OfPixels(clipped, begin * image, end * image)) {
        const float g = gy.data()[c.pixel * all + c.output] *
                        GainOf(gain, map, c.row_tile, c.output);
        const float* w = weights.effective.data() + c.output * fan_in;
        EachInput(c, x.shape(), y, weights,
                  [&](int64_t k, int64_t at) { gx->data()[at] -= g * w[k]; });
      }
    });
  }
  if (gw != nullptr && gw->defined()) {
    const int bits = weights.spec.dac_bits;
    const float step = bits == 0 ? 1.0F : StepFor(ranges.input, bits);
    ParallelFor(all, 1, [&](int64_t begin, int64_t end) {
      for (const Clipped& c : clipped) {
        if (c.output < begin || c.output >= end) continue;
        const float g = gy.data()[c.pixel * all + c.output];
        float* w = gw->data() + c.output * fan_in;
        EachInput(c, x.shape(), y, weights, [&](int64_t k, int64_t at) {
          float xq = 0;
          InputValues(x.data() + at, 1, step, bits, step, &xq);
          w[k] -= g * xq;
        });
      }
    });
  }
}

}  // namespace ohm::hw
