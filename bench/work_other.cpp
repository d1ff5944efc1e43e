// Matrix product, batch norm, softmax, and the loops that only move numbers.
#include <algorithm>
#include <array>
#include <cmath>

#include "bench/compare.h"
#include "bench/work.h"
#include "core/kernels/batch_norm.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/matmul.h"
#include "core/kernels/reference.h"
#include "core/kernels/softmax.h"

namespace ohm::bench {
namespace {

constexpr float kEps = 1e-5F;

double Gigabytes(std::initializer_list<Tensor> operands) {
  double bytes = 0;
  for (const Tensor& t : operands) bytes += double(t.bytes());
  return 1e-9 * bytes;
}

// A batch norm; where `fused`, with a residual branch and the rectifier behind
// it. Scale and shift are f32 whatever x is.
struct Norm {
  Tensor x, gy, residual;
  kernels::Normalisation norm;

  bool fused() const { return norm.relu; }
};

Norm MakeNorm(const KernelRow& row, bool fused) {
  const Shape channels{row.x[-1]};
  const Tensor x = RandomTensor(row.x, row.dtype, Key(1));
  return {x,
          RandomTensor(row.x, row.dtype, Key(2)),
          fused ? RandomTensor(row.x, row.dtype, Key(5)) : Tensor(),
          {RandomTensor(channels, DType::kF32, Key(3)),
           RandomTensor(channels, DType::kF32, Key(4)),
           kernels::BatchStatistics(x), kEps, fused}};
}

Tensor NormForward(const Norm& n) {
  kernels::Normalisation norm = n.norm;
  norm.statistics = kernels::BatchStatistics(n.x);
  return kernels::Normalise(n.x, norm, n.residual);
}

Tensor ReferenceNorm(const Norm& n) {
  Tensor y = reference::BatchNorm(ToF32(n.x), n.norm.scale, n.norm.shift, {},
                                  {}, kEps);
  if (!n.fused()) return y;
  const Tensor residual = ToF32(n.residual);
  for (int64_t i = 0; i < y.count(); ++i) {
    y.data()[i] = std::max(y.data()[i] + residual.data()[i], 0.0F);
  }
  return y;
}

// The gradients from the reference's normalised x, with g the gradient that
// passes the rectifier:
// gx = scale / deviation * (g - mean(g) - xn * mean(g * xn)).
kernels::NormalisationGrads ReferenceNormGrads(const Norm& n, const Tensor& y) {
  const int64_t channels = n.norm.scale.count();
  const double rows = double(n.x.count() / channels);
  const Tensor ones = Tensor::Full({channels}, 1);
  const Tensor zeros = Tensor::Zeros({channels});
  const Tensor xn = reference::BatchNorm(ToF32(n.x), ones, zeros, {}, {}, kEps);
  Tensor gy = ToF32(n.gy).Clone();
  const Tensor gate = ToF32(y);
  for (int64_t i = 0; n.fused() && i < gy.count(); ++i) {
    if (gate.data()[i] <= 0) gy.data()[i] = 0;
  }
  kernels::NormalisationGrads g{Tensor::Empty(n.x.shape()), zeros.Clone(),
                                zeros.Clone(), gy};
  for (int64_t c = 0; c < channels; ++c) {
    double sum = 0, product = 0;
    for (int64_t i = c; i < gy.count(); i += channels) {
      sum += double(gy.data()[i]);
      product += double(gy.data()[i]) * double(xn.data()[i]);
    }
    g.shift.data()[c] = float(sum);
    g.scale.data()[c] = float(product);
    const double factor =
        double(n.norm.scale.data()[c]) /
        std::sqrt(double(n.norm.statistics.variance.data()[c] + kEps));
    for (int64_t i = c; i < gy.count(); i += channels) {
      g.x.data()[i] = float(factor * (double(gy.data()[i]) - sum / rows -
                                      double(xn.data()[i]) * product / rows));
    }
  }
  return g;
}

kernels::NormalisationGrads NormGrads(const Norm& n, const Tensor& y) {
  return kernels::NormaliseBackward({n.x, n.norm, true, n.fused(), y}, n.gy,
                                    {});
}

double NormBackwardError(const Norm& n, const Tensor& y) {
  const auto expected = ReferenceNormGrads(n, y);
  const auto got = NormGrads(n, y);
  // The sum, so that none of them hides behind another.
  double error = RelativeError(expected.x, ToF32(got.x)) +
                 RelativeError(expected.scale, ToF32(got.scale)) +
                 RelativeError(expected.shift, ToF32(got.shift));
  if (n.fused()) error += RelativeError(expected.residual, ToF32(got.residual));
  return error;
}

Work NormForwardWork(const KernelRow& row, bool fused) {
  const Norm n = MakeNorm(row, fused);
  Work work;
  work.gbyte = Gigabytes({n.x, n.x}) + (fused ? Gigabytes({n.x}) : 0);
  work.run = [n] { NormForward(n); };
  work.error = [n] {
    return RelativeError(ReferenceNorm(n), ToF32(NormForward(n)));
  };
  return work;
}

Work NormBackwardWork(const KernelRow& row, bool fused) {
  const Norm n = MakeNorm(row, fused);
  const Tensor y = NormForward(n);
  Work work;
  work.gbyte = Gigabytes({n.x, n.x, n.x}) + (fused ? Gigabytes({n.x, n.x}) : 0);
  work.run = [n, y] { NormGrads(n, y); };
  work.error = [n, y] { return NormBackwardError(n, y); };
  return work;
}

// The reference gives the loss of a row and a label: -log softmax there.
double LogSoftmaxError(const Tensor& x) {
  const Tensor y = ToF32(kernels::LogSoftmax(x));
  const Tensor wide = ToF32(x);
  constexpr int64_t kRows = 4;
  Tensor expected = Tensor::Empty({kRows, x.size(1)});
  for (int64_t r = 0; r < kRows; ++r) {
    const int64_t row = x.size(0) - kRows + r;
    for (int32_t label = 0; label < x.size(1); ++label) {
      expected.data()[r * x.size(1) + label] =
          -reference::SoftmaxCrossEntropy(wide.Slice(row, row + 1),
                                          std::array{label}, 0)
               .item();
    }
  }
  return RelativeError(expected, y.Slice(x.size(0) - kRows, x.size(0)));
}

// The naive twin of an elementwise loop is its formula.
template <typename Formula>
double LoopError(const Tensor& a, const Tensor& b, const Tensor& got,
                 const Formula& formula) {
  const Tensor wide_a = ToF32(a), wide_b = ToF32(b);
  Tensor expected = Tensor::Empty(a.shape());
  for (int64_t i = 0; i < a.count(); ++i) {
    expected.data()[i] = formula(wide_a.data()[i], wide_b.data()[i]);
  }
  return RelativeError(expected, ToF32(got));
}

}  // namespace

Work MatmulForward(const KernelRow& row) {
  const Tensor x = RandomTensor(row.x, row.dtype, Key(1));
  const Tensor w = RandomTensor(row.w, row.dtype, Key(2));
  const auto product = [x, w] {
    return kernels::Matmul(x, kernels::Transpose::kNo, w,
                           kernels::Transpose::kYes, x.dtype());
  };
  Work work;
  work.gflop = 2e-9 * double(x.count()) * double(w.size(0));
  work.gbyte = Gigabytes({x, w}) +
               1e-9 * double(x.size(0) * w.size(0)) * double(SizeOf(row.dtype));
  work.run = product;
  work.error = [x, w, product] {
    const int64_t rows = x.size(0), some = std::min<int64_t>(8, rows);
    return RelativeError(
        reference::Linear(ToF32(x.Slice(rows - some, rows)), ToF32(w), {}),
        ToF32(product()).Slice(rows - some, rows));
  };
  return work;
}

Work BatchNormForward(const KernelRow& row) {
  return NormForwardWork(row, false);
}
Work BatchNormBackward(const KernelRow& row) {
  return NormBackwardWork(row, false);
}
Work FusedNormForward(const KernelRow& row) {
  return NormForwardWork(row, true);
}
Work FusedNormBackward(const KernelRow& row) {
  return NormBackwardWork(row, true);
}

Work LogSoftmaxForward(const KernelRow& row) {
  const Tensor x = RandomTensor(row.x, row.dtype, Key(1));
  Work work;
  work.gbyte = Gigabytes({x, x});
  work.run = [x] { kernels::LogSoftmax(x); };
  work.error = [x] { return LogSoftmaxError(x); };
  return work;
}

Work ReluForward(const KernelRow& row) {
  const Tensor x = RandomTensor(row.x, row.dtype, Key(1));
  Work work;
  work.gbyte = Gigabytes({x, x});
  work.run = [x] { kernels::Relu(x); };
  work.error = [x] {
    return LoopError(x, x, kernels::Relu(x),
                     [](float v, float) { return std::max(v, 0.0F); });
  };
  return work;
}

Work AddForward(const KernelRow& row) {
  const Tensor a = RandomTensor(row.x, row.dtype, Key(1));
  const Tensor b = RandomTensor(row.x, row.dtype, Key(2));
  Work work;
  work.gbyte = Gigabytes({a, b, a});
  work.run = [a, b] { kernels::Add(a, b); };
  work.error = [a, b] {
    return LoopError(a, b, kernels::Add(a, b),
                     [](float u, float v) { return u + v; });
  };
  return work;
}

}  // namespace ohm::bench
