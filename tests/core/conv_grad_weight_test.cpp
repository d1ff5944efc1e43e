#include <doctest/doctest.h>

#include <cmath>

#include "core/base/parallel.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/elementwise.h"
#include "tests/support/data.h"
#include "tests/support/gradient_check.h"
#include "tests/support/worse.h"

namespace ohm::test {
namespace {

struct Case {
  Shape x, w;
  Conv2dSpec spec;
};

// With bf16 images whose gradient is small the batch is cut into one part per
// thread. Products of bf16 numbers are exact in float32, so the float32 kernel
// on the same numbers differs by the order of additions alone.
TEST_CASE("bf16 weight gradients of parts add up for any number of threads") {
  if (!kernels::HasBFloat16()) {
    MarkSkipped("this machine's oneDNN has no bf16");
    return;
  }
  const Case cases[] = {
      {{12, 20, 20, 16}, {16, 3, 3, 16}, {.pad_h = 1, .pad_w = 1}},
      {{12, 21, 19, 16},
       {24, 3, 3, 16},
       {.stride_h = 2, .stride_w = 2, .pad_h = 1, .pad_w = 1}},
      {{12, 24, 24, 3}, {5, 3, 3, 3}, {.pad_h = 1, .pad_w = 1}},
      {{7, 24, 24, 16}, {16, 1, 1, 16}, {}},  // 7: in parts for 1 thread only
  };
  const int threads = Threads();
  for (const Case& c : cases) {
    const Shape y_shape = Conv2dOutputShape(c.x, c.w, c.spec);
    const Tensor x = kernels::Cast(RandomTensor(c.x, Key(1)), DType::kBF16);
    const Tensor gy =
        kernels::Cast(RandomTensor(y_shape, Key(2)), DType::kBF16);
    const Tensor expected =
        kernels::Conv2dGradWeight(kernels::Cast(x, DType::kF32),
                                  kernels::Cast(gy, DType::kF32), c.w, c.spec);
    for (const int n : {1, 2, 3}) {
      SetThreads(n);
      const Tensor gw = kernels::Conv2dGradWeight(x, gy, c.w, c.spec);
      double worst = 0;
      for (int64_t i = 0; i < gw.count(); ++i) {
        worst = Worse(worst, std::abs(gw.data()[i] - expected.data()[i]));
      }
      CAPTURE(n);
      CHECK(worst < 1e-3);
      CHECK(Threads() == n);
    }
  }
  SetThreads(threads);
}

}  // namespace
}  // namespace ohm::test
