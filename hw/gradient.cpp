#include <algorithm>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/kernels/simd.h"
#include "hw/converters.h"
#include "hw/crossbar.h"
#include "hw/kernels/round.h"
#include "hw/tile_pass.h"

namespace ohm::hw {
namespace {

OHM_SIMD_CLONES void AddGain(const float* sums, const float* to_code,
                             const float* to_value, float largest, bool ideal,
                             const float* gy, int64_t outputs, float* gain) {
  for (int64_t n = 0; n < outputs; ++n) {
    const float code =
        ideal ? sums[n] : RoundClipped(sums[n] * to_code[n], largest);
    gain[n] += gy[n] * (code * to_value[n]);
  }
}

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
  const Conversion c = MakeConversion(weights, ranges, pass.unit(), Tensor());
  const TileMap& map = weights.map;
  const int64_t outputs = map.matrix().outputs;
  // Chunk sums in float, added up in order in double.
  std::vector<std::vector<float>> parts(size_t(pass.chunks()));
  ParallelFor(pass.chunks(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      auto& part = parts[size_t(chunk)];
      part.assign(c.to_code.size(), 0.0F);
      pass.RunChunk(chunk, [&](const TileBlock& block) {
        const int64_t at = Conversion::At(weights, block);
        for (int64_t p = 0; p < block.pixels; ++p) {
          AddGain(block.sums + p * block.columns, c.to_code.data() + at,
                  c.to_value.data() + at, c.largest, c.ideal,
                  gy.data() + (block.first_pixel + p) * map.outputs() +
                      block.group * outputs,
                  outputs, part.data() + at);
        }
      });
    }
  });
  Tensor gain = Tensor::Empty(map.MaskEntries());
  for (int64_t o = 0; o < map.outputs(); ++o) {
    for (int64_t t = 0; t < map.row_tiles(); ++t) {
      const auto at =
          size_t((o / outputs * map.row_tiles() + t) * weights.padded_outputs +
                 o % outputs);
      double sum = 0;
      for (const auto& part : parts) sum += double(part[at]);
      gain.data()[t * map.outputs() + o] = float(sum);
    }
  }
  return gain;
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
    const Tensor xq = ApplyDac(x, ranges.input, weights.spec.dac_bits);
    ParallelFor(all, 1, [&](int64_t begin, int64_t end) {
      for (const Clipped& c : clipped) {
        if (c.output < begin || c.output >= end) continue;
        const float g = gy.data()[c.pixel * all + c.output];
        float* w = gw->data() + c.output * fan_in;
        EachInput(c, x.shape(), y, weights,
                  [&](int64_t k, int64_t at) { w[k] -= g * xq.data()[at]; });
      }
    });
  }
}

}  // namespace ohm::hw
