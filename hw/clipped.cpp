#include <algorithm>
#include <span>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/float_type.h"
#include "hw/adc.h"
#include "hw/converters.h"
#include "hw/crossbar.h"

namespace ohm::hw {
namespace {

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
  for (const int64_t k : weights.map.RowsOf(c.row_tile)) {
    const int64_t channel = k % w[3], b = k / w[3] % w[2], a = k / w[3] / w[2];
    const int64_t r = i * conv.stride_h - conv.pad_h + a * conv.dil_h;
    const int64_t col = j * conv.stride_w - conv.pad_w + b * conv.dil_w;
    if (r < 0 || r >= x[1] || col < 0 || col >= x[2]) continue;
    visit(k, ((n * x[1] + r) * x[2] + col) * x[3] + group * w[3] + channel);
  }
}

// An image's entries touch only its own gradient.
template <typename T>
void RemoveFromInput(const std::vector<Clipped>& clipped,
                     const Programmed& weights, const Tensor& gain,
                     const Tensor& gy, Tensor* gx) {
  const TileMap& map = weights.map;
  // What is added behind the ADCs is not clipped by them.
  const Tensor& converted =
      weights.converted.defined() ? weights.converted : weights.effective;
  const Shape y = gy.shape();
  const int64_t image = y[1] * y[2];
  ParallelFor(y[0], 1, [&](int64_t begin, int64_t end) {
    for (const Clipped& c : OfPixels(clipped, begin * image, end * image)) {
      const float g =
          ToFloat(gy.data<T>()[c.pixel * map.outputs() + c.output]) *
          GainOf(gain, map, c.row_tile, c.output);
      const float* w = converted.data() + c.output * map.matrix().fan_in;
      EachInput(c, gx->shape(), y, weights, [&](int64_t k, int64_t at) {
        T& to = gx->data<T>()[at];
        to = FromFloat<T>(ToFloat(to) - g * w[k]);
      });
    }
  });
}

template <typename T>
void RemoveFromWeights(const std::vector<Clipped>& clipped, const Tensor& x,
                       const Programmed& weights, float input_range,
                       const Tensor& gy, Tensor* gw) {
  const int64_t all = weights.map.outputs();
  const int64_t fan_in = weights.map.matrix().fan_in;
  const int largest = LargestInput(weights.spec);
  const float step = largest == 0 ? 1.0F : StepFor(input_range, largest);
  ParallelFor(all, 1, [&](int64_t begin, int64_t end) {
    for (const Clipped& c : clipped) {
      if (c.output < begin || c.output >= end) continue;
      const float g = ToFloat(gy.data<T>()[c.pixel * all + c.output]);
      float* w = gw->data() + c.output * fan_in;
      EachInput(c, x.shape(), gy.shape(), weights, [&](int64_t k, int64_t at) {
        const float input = ToFloat(x.data<T>()[at]);
        float xq = 0;
        InputValues(&input, 1, step, largest, step, &xq);
        w[k] -= g * xq;
      });
    }
  });
}

// Where much is clipped, entry by entry takes far longer than plain
// convolutions of what is clipped, row tile by row tile (a network that
// diverges clips half of its conversions, and a step took minutes): about 1 us
// an entry against 6 ns a conversion.
constexpr int64_t kFewClipped = 128;  // one of so many

// -gy where the row tile's conversion was clipped, else 0.
template <typename T>
Tensor NegatedClipped(const std::vector<Clipped>& clipped, int64_t row_tile,
                      const Tensor& gy) {
  Tensor g = Tensor::Zeros(gy.shape(), gy.dtype());
  const int64_t outputs = gy.size(3);
  for (const Clipped& c : clipped) {
    if (c.row_tile != row_tile) continue;
    const int64_t at = c.pixel * outputs + c.output;
    g.data<T>()[at] = FromFloat<T>(-ToFloat(gy.data<T>()[at]));
  }
  return g;
}

// The row tile's weights with their gains, 0 elsewhere.
Tensor WeightsOfRowTile(const Programmed& weights, const Tensor& gain,
                        int64_t row_tile) {
  const Tensor& converted =
      weights.converted.defined() ? weights.converted : weights.effective;
  Tensor w = Tensor::Zeros(converted.shape());
  const int64_t fan_in = weights.map.matrix().fan_in;
  for (int64_t o = 0; o < weights.map.outputs(); ++o) {
    const float scale = GainOf(gain, weights.map, row_tile, o);
    for (const int32_t k : weights.map.RowsOf(row_tile)) {
      w.data()[o * fan_in + k] = scale * converted.data()[o * fan_in + k];
    }
  }
  return w;
}

template <typename T>
void RemoveByTiles(const std::vector<Clipped>& clipped, const Tensor& x,
                   const Programmed& weights, float input_range,
                   const Tensor& gain, const Tensor& gy, Tensor* gx,
                   Tensor* gw) {
  const bool wants_w = gw != nullptr && gw->defined();
  const int64_t fan_in = weights.map.matrix().fan_in;
  for (int64_t t = 0; t < weights.map.row_tiles(); ++t) {
    const Tensor g = NegatedClipped<T>(clipped, t, gy);
    if (gx != nullptr && gx->defined()) {
      kernels::AddInPlace(
          gx, kernels::Conv2dGradInput(g, WeightsOfRowTile(weights, gain, t),
                                       x.shape(), weights.conv));
    }
    if (!wants_w) continue;
    const Tensor part = WeightGradient(x, weights, input_range, g);
    for (int64_t o = 0; o < weights.map.outputs(); ++o) {
      for (const int32_t k : weights.map.RowsOf(t)) {
        gw->data()[o * fan_in + k] += part.data()[o * fan_in + k];
      }
    }
  }
}

}  // namespace

void RemoveClipped(const std::vector<Clipped>& clipped, const Tensor& x,
                   const Programmed& weights, const Ranges& ranges,
                   const Tensor& gain, const Tensor& gy, Tensor* gx,
                   Tensor* gw) {
  if (clipped.empty()) return;
  kernels::VisitFloatType(gy.dtype(), [&](auto type) {
    using T = decltype(type);
    const int64_t conversions = gy.count() * weights.map.row_tiles();
    if (int64_t(clipped.size()) > conversions / kFewClipped) {
      RemoveByTiles<T>(clipped, x, weights, ranges.input, gain, gy, gx, gw);
      return;
    }
    if (gx != nullptr && gx->defined()) {
      RemoveFromInput<T>(clipped, weights, gain, gy, gx);
    }
    if (gw != nullptr && gw->defined()) {
      RemoveFromWeights<T>(clipped, x, weights, ranges.input, gy, gw);
    }
  });
}

}  // namespace ohm::hw
