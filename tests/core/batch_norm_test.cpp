#include "core/kernels/batch_norm.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/base/parallel.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/reference.h"
#include "tests/support/gradient_check.h"
#include "tests/support/near.h"

namespace ohm::test {
namespace {

using kernels::BatchStatistics;
using kernels::Normalisation;

// From one row to several blocks with a rest, from one channel to more than a
// run has lanes.
const std::vector<Shape>& Shapes() {
  static const std::vector<Shape> shapes{
      {1, 1, 1, 1},   {2, 1, 1, 3},    {3, 7, 5, 1},    {2, 31, 33, 16},
      {5, 9, 11, 60}, {2, 13, 3, 200}, {3, 9, 9, 1030},
  };
  return shapes;
}

Tensor Shifted(const Shape& shape, float shift, Key key) {
  Tensor t = RandomTensor(shape, key);
  for (float& v : t.span()) v += shift;
  return t;
}

TEST_CASE("batch norm kernels meet the naive twin for awkward sizes") {
  for (const Shape& shape : Shapes()) {
    CAPTURE(shape.str());
    // A mean of 50 deviations: naive sums of squares would lose it.
    const Tensor x = Shifted(shape, 50.0F, Key(31));
    const Shape channels{shape[3]};
    const Tensor scale = RandomTensor(channels, Key(32));
    const Tensor shift = RandomTensor(channels, Key(33));
    const auto statistics = BatchStatistics(x);
    const Tensor y =
        kernels::Normalise(x, {scale, shift, statistics, 1e-5F, false});
    const Tensor expected =
        reference::BatchNorm(x, scale, shift, {}, {}, 1e-5F);
    CHECK(MaxError(y, expected) < 1e-4);
  }
}

TEST_CASE("batch statistics survive a first value far from all others") {
  Tensor x = RandomTensor({4, 40, 40, 16}, Key(34));
  for (int64_t c = 0; c < 16; ++c) x.data()[c] = 1e4F;
  const auto got = BatchStatistics(x);
  for (int64_t c = 0; c < 16; ++c) {
    double mean = 0, squares = 0;
    const int64_t rows = x.count() / 16;
    for (int64_t r = 0; r < rows; ++r) mean += double(x.data()[r * 16 + c]);
    mean /= double(rows);
    for (int64_t r = 0; r < rows; ++r) {
      squares += std::pow(double(x.data()[r * 16 + c]) - mean, 2);
    }
    const double variance = squares / double(rows);
    CHECK(std::abs(double(got.mean.data()[c]) - mean) <
          1e-5 * std::sqrt(variance));
    CHECK(got.variance.data()[c] == Near(variance, 1e-3));
  }
}

TEST_CASE("a constant channel has no variance, a NaN stays one") {
  const auto flat = BatchStatistics(Tensor::Full({2, 50, 50, 3}, 0.1F));
  CHECK(flat.variance.data()[0] == 0.0F);
  Tensor x = Tensor::Full({1, 2, 2, 2}, 1.0F);
  x.data()[5] = std::nanf("");
  const auto broken = BatchStatistics(x);
  CHECK(std::isnan(broken.mean.data()[1]));
  CHECK(broken.mean.data()[0] == 1.0F);
}

struct Outcome {
  Tensor y;
  kernels::NormalisationGrads grads;
};

Outcome RunOnce(DType dtype, bool residual) {
  const Shape shape{6, 17, 19, 16};
  const Tensor x = kernels::Cast(RandomTensor(shape, Key(35)), dtype);
  const Tensor r = kernels::Cast(RandomTensor(shape, Key(36)), dtype);
  Normalisation norm{RandomTensor({16}, Key(37)), RandomTensor({16}, Key(38)),
                     BatchStatistics(x), 1e-5F, true};
  Outcome out;
  out.y = kernels::Normalise(x, norm, residual ? r : Tensor());
  out.grads = kernels::NormaliseBackward(
      {x, norm, true, residual, residual ? out.y : Tensor()},
      kernels::Cast(RandomTensor(shape, Key(39)), dtype), {});
  return out;
}

TEST_CASE("batch norm is the same bit for bit with 1 and 2 threads") {
  const int before = Threads();
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    for (const bool residual : {false, true}) {
      SetThreads(1);
      const Outcome one = RunOnce(dtype, residual);
      SetThreads(2);
      const Outcome two = RunOnce(dtype, residual);
      CHECK(BitEqual(one.y, two.y));
      CHECK(BitEqual(one.grads.x, two.grads.x));
      CHECK(BitEqual(one.grads.scale, two.grads.scale));
      CHECK(BitEqual(one.grads.shift, two.grads.shift));
      if (residual) CHECK(BitEqual(one.grads.residual, two.grads.residual));
    }
  }
  SetThreads(before);
}

TEST_CASE("a shared gradient is not written over") {
  const Tensor x = RandomTensor({2, 4, 4, 8}, Key(41));
  const Normalisation norm{Tensor::Full({8}, 1.5F), Tensor::Zeros({8}),
                           BatchStatistics(x), 1e-5F, true};
  const Tensor gy = RandomTensor(x.shape(), Key(42)), copy = gy.Clone();
  for (const bool residual : {false, true}) {
    const Tensor y = kernels::Normalise(x, norm, residual ? x : Tensor());
    kernels::NormaliseBackward({x, norm, true, residual, y}, gy, {});
    CHECK(BitEqual(gy, copy));
  }
}

}  // namespace
}  // namespace ohm::test
