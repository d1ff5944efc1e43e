#include "bench/compare.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/check.h"
#include "core/kernels/elementwise.h"

namespace ohm::bench {
Tensor RandomTensor(const Shape& shape, DType dtype, Key key) {
  constexpr int64_t kPeriod = 65537;
  const int64_t count = shape.count();
  std::vector<float> numbers(size_t(std::min(count, kPeriod)));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = float(key.Normal(i));
  Tensor t = Tensor::Empty(shape);
  for (int64_t i = 0; i < count; ++i) {
    t.data()[i] = numbers[size_t(i % kPeriod)];
  }
  return kernels::Cast(t, dtype);
}

Tensor ToF32(const Tensor& t) { return kernels::Cast(t, DType::kF32); }

Tensor Crop(const Tensor& t, const Shape& shape) {
  Tensor block = Tensor::Empty(shape);
  const float* from = t.data();
  float* to = block.data();
  for (int64_t n = 0; n < shape[0]; ++n) {
    for (int64_t i = 0; i < shape[1]; ++i) {
      for (int64_t j = 0; j < shape[2]; ++j, to += shape[3]) {
        const int64_t pixel = (n * t.size(1) + i) * t.size(2) + j;
        std::copy_n(from + pixel * t.size(3), shape[3], to);
      }
    }
  }
  return block;
}

Tensor ChannelsToFront(const Tensor& t, int64_t channels) {
  const int64_t n = t.size(0), pixels = t.size(1) * t.size(2), c = t.size(3);
  Tensor turned = Tensor::Empty({channels, t.size(1), t.size(2), n});
  for (int64_t i = 0; i < n * pixels; ++i) {
    const int64_t image = i / pixels, pixel = i % pixels;
    for (int64_t k = 0; k < channels; ++k) {
      turned.data()[(k * pixels + pixel) * n + image] = t.data()[i * c + k];
    }
  }
  return turned;
}

double RelativeError(const Tensor& expected, const Tensor& got) {
  OHM_CHECK(expected.shape() == got.shape(), "expected a result " +
                                                 expected.shape().str() +
                                                 ", got " + got.shape().str());
  double largest = 1e-30, error = 0;
  for (int64_t i = 0; i < expected.count(); ++i) {
    const auto value = double(expected.data()[i]);
    const double difference = std::abs(value - double(got.data()[i]));
    largest = std::max(largest, std::abs(value));
    if (!(difference <= error)) error = difference;  // keeps a NaN
    if (std::isnan(error)) break;
  }
  return error / largest;
}

double Tolerance(DType dtype) { return dtype == DType::kBF16 ? 2e-2 : 1e-4; }

}  // namespace ohm::bench
