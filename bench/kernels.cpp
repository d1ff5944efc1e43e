// The convolutions of ResNet-20 at batch 128, forward and both gradients.
#include "bench/bench.h"
#include "core/base/check.h"
#include "core/base/random.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/reference.h"

namespace ohm::bench {
namespace {

Tensor Random(const Shape& shape, Key key) {
  Tensor t = Tensor::Empty(shape);
  for (int64_t i = 0; i < t.count(); ++i) {
    t.data()[i] = float(key.Normal(uint64_t(i)));
  }
  return t;
}

void CheckResult(const Tensor& x, const Tensor& w, const Conv2dSpec& spec,
                 const Tensor& y) {
  const Tensor expected = reference::Conv2d(x.Slice(0, 1), w, {}, spec);
  for (int64_t i = 0; i < expected.count(); ++i) {
    const double error = double(expected.data()[i] - y.data()[i]);
    OHM_CHECK(error * error < 1e-6, "bench kernels: wrong convolution result");
  }
}

void Stage(const BenchOptions& options, int64_t size, int64_t channels) {
  const Tensor x = Random({128, size, size, channels}, Key(1));
  const Tensor w = Random({channels, 3, 3, channels}, Key(2));
  const Conv2dSpec spec = Conv2dSpec::Square(1, 1);
  const Tensor y = kernels::Conv2d(x, w, {}, spec);
  CheckResult(x, w, spec, y);
  const double gflop =
      2e-9 * double(y.count()) * double(w.count()) / double(channels);
  const std::string name = "conv " + std::to_string(channels) + "->" +
                           std::to_string(channels) + " 3x3, 128x" +
                           std::to_string(size) + "x" + std::to_string(size);
  Print(options, name + " forward",
        Measure([&] { kernels::Conv2d(x, w, {}, spec); }, options.seconds),
        gflop, "GFLOP/s");
  Print(options, name + " grad input",
        Measure([&] { kernels::Conv2dGradInput(y, w, x.shape(), spec); },
                options.seconds),
        gflop, "GFLOP/s");
  Print(options, name + " grad weight",
        Measure([&] { kernels::Conv2dGradWeight(x, y, w.shape(), spec); },
                options.seconds),
        gflop, "GFLOP/s");
}

}  // namespace

void BenchKernels(const BenchOptions& options) {
  Stage(options, 32, 16);
  Stage(options, 16, 32);
  Stage(options, 8, 64);
}

}  // namespace ohm::bench
