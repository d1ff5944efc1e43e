#include <algorithm>
#include <span>
#include <vector>

#include "core/base/parallel.h"
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

}  // namespace

void RemoveClipped(const std::vector<Clipped>& clipped, const Tensor& x,
                   const Programmed& weights, const Ranges& ranges,
                   const Tensor& gain, const Tensor& gy, Tensor* gx,
                   Tensor* gw) {
  if (clipped.empty()) return;
  kernels::VisitFloatType(gy.dtype(), [&](auto type) {
    using T = decltype(type);
    if (gx != nullptr && gx->defined()) {
      RemoveFromInput<T>(clipped, weights, gain, gy, gx);
    }
    if (gw != nullptr && gw->defined()) {
      RemoveFromWeights<T>(clipped, x, weights, ranges.input, gy, gw);
    }
  });
}

}  // namespace ohm::hw
