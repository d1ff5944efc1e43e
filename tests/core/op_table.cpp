#include "tests/core/op_table.h"

#include <algorithm>

#include "core/kernels/reference.h"
#include "core/ops/add.h"
#include "core/ops/batch_norm2d.h"
#include "core/ops/conv2d.h"
#include "core/ops/distillation.h"
#include "core/ops/dropout.h"
#include "core/ops/flatten.h"
#include "core/ops/linear.h"
#include "core/ops/mul.h"
#include "core/ops/pool2d.h"
#include "core/ops/relu.h"
#include "core/ops/reshape.h"
#include "core/ops/softmax_cross_entropy.h"
#include "core/ops/subsample_pad.h"
#include "tests/support/gradient_check.h"

namespace ohm::test {
namespace {

using Vars = std::vector<Var>;
using Tensors = std::vector<Tensor>;

OpRow ConvRow(std::string variant, Shape x, Shape w, Conv2dSpec spec,
              bool bias) {
  std::vector<Shape> inputs{x, w};
  if (bias) inputs.push_back({w[0]});
  return {"conv2d", std::move(variant), inputs,
          [spec](const Vars& v) {
            return Conv2d(v[0], v[1], v.size() > 2 ? v[2] : Var(), spec);
          },
          [spec](const Tensors& t) {
            return reference::Conv2d(t[0], t[1], t.size() > 2 ? t[2] : Tensor(),
                                     spec);
          }};
}

OpRow PoolRow(std::string variant, Shape x, kernels::PoolKind kind,
              Pool2dSpec spec) {
  return {"pool2d",
          std::move(variant),
          {x},
          [kind, spec](const Vars& v) { return Pool2d(v[0], kind, spec); },
          [kind, spec](const Tensors& t) {
            return reference::Pool2d(t[0], kind, spec);
          }};
}

OpRow LossRow(std::string variant, float smoothing) {
  static const std::vector<int32_t> labels{3, 0, 6, 3, 1};
  return {"softmax_cross_entropy",
          std::move(variant),
          {{5, 7}},
          [smoothing](const Vars& v) {
            return SoftmaxCrossEntropy(v[0], labels, smoothing);
          },
          [smoothing](const Tensors& t) {
            return reference::SoftmaxCrossEntropy(t[0], labels, smoothing);
          }};
}

OpRow DistillationRow(std::string variant, float temperature) {
  static const Tensor teacher = RandomTensor({5, 7}, Key(9));
  return {"distillation",
          std::move(variant),
          {{5, 7}},
          [temperature](const Vars& v) {
            return DistillationLoss(v[0], teacher, temperature);
          },
          [temperature](const Tensors& t) {
            return reference::DistillationLoss(t[0], teacher, temperature);
          }};
}

Tensor Map(const Tensor& x, float (*f)(float)) {
  Tensor y = x.Clone();
  for (float& v : y.span()) v = f(v);
  return y;
}

Tensor Sum(const Tensor& a, const Tensor& b) {
  Tensor y = a.Clone();
  for (int64_t i = 0; i < y.count(); ++i) y.data()[i] += b.data()[i];
  return y;
}

Tensor NaiveRelu(const Tensor& x) {
  return Map(x, [](float v) { return std::max(v, 0.0F); });
}

Tensor NaiveFlatten(const Tensor& x) {
  const Shape s = x.shape();
  Tensor y = Tensor::Empty({s[0], s[1] * s[2] * s[3]});
  for (int64_t i = 0; i < x.count(); ++i) {
    const int64_t c = i % s[3], at = i / s[3] % (s[1] * s[2]);
    const int64_t n = i / (s[1] * s[2] * s[3]);
    y.data()[n * y.size(1) + c * s[1] * s[2] + at] = x.data()[i];
  }
  return y;
}

Tensor NaiveSubsamplePad(const Tensor& x, int64_t before, int64_t after) {
  const Shape s = x.shape();
  Tensor y = Tensor::Zeros(
      {s[0], (s[1] + 1) / 2, (s[2] + 1) / 2, before + s[3] + after});
  for (int64_t i = 0; i < x.count(); ++i) {
    const int64_t c = i % s[3], col = i / s[3] % s[2];
    const int64_t row = i / (s[3] * s[2]) % s[1], n = i / (s[3] * s[2] * s[1]);
    if (row % 2 != 0 || col % 2 != 0) continue;
    y.data()[((n * y.size(1) + row / 2) * y.size(2) + col / 2) * y.size(3) +
             before + c] = x.data()[i];
  }
  return y;
}

Tensor GivenMean() { return Tensor::From({3}, std::vector{0.1F, -0.4F, 0.7F}); }
Tensor GivenVariance() {
  return Tensor::From({3}, std::vector{0.5F, 1.5F, 0.9F});
}

std::vector<OpRow> NormRows() {
  return {
      {"batch_norm2d",
       "batch statistics",
       {{3, 4, 2, 5}, {5}, {5}},
       [](const Vars& v) {
         Tensor mean = Tensor::Zeros({5}), variance = Tensor::Full({5}, 1);
         return BatchNorm2d(v[0], v[1], v[2], {&mean, &variance}, 1e-5F);
       },
       [](const Tensors& t) {
         return reference::BatchNorm(t[0], t[1], t[2], {}, {}, 1e-5F);
       }},
      {"batch_norm2d",
       "given statistics",
       {{2, 3, 3, 3}, {3}, {3}},
       [](const Vars& v) {
         return BatchNorm2dGiven(v[0], v[1], v[2], GivenMean(), GivenVariance(),
                                 1e-5F);
       },
       [](const Tensors& t) {
         return reference::BatchNorm(t[0], t[1], t[2], GivenMean(),
                                     GivenVariance(), 1e-5F);
       }},
  };
}

// What follows the normalisation, in every combination; 16 and 20 channels:
// runs of eight rows, and of an odd number with a rest.
std::vector<OpRow> FusedNormRows() {
  std::vector<OpRow> rows;
  for (const int64_t c : {16, 20}) {
    for (const bool residual : {false, true}) {
      for (const bool given : {false, true}) {
        OpRow row{"batch_norm2d",
                  std::string("rectified") + (residual ? ", residual" : "") +
                      (given ? ", given statistics" : "") + ", " +
                      std::to_string(c) + " channels",
                  {{3, 3, 3, c}, {c}, {c}},
                  {},
                  {}};
        if (residual) {
          row.inputs.push_back(row.inputs[0]);
          row.images = {0, 3};
        }
        row.run = [=](const Vars& v) {
          const AfterNorm after{residual ? v[3] : Var(), true};
          Tensor mean = Tensor::Full({c}, 0.2F);
          Tensor variance = Tensor::Full({c}, 1.3F);
          return given ? BatchNorm2dGiven(v[0], v[1], v[2], mean, variance,
                                          1e-5F, after)
                       : BatchNorm2d(v[0], v[1], v[2], {&mean, &variance},
                                     1e-5F, after);
        };
        row.reference = [=](const Tensors& t) {
          const Tensor mean = given ? Tensor::Full({c}, 0.2F) : Tensor();
          const Tensor variance = given ? Tensor::Full({c}, 1.3F) : Tensor();
          const Tensor y =
              reference::BatchNorm(t[0], t[1], t[2], mean, variance, 1e-5F);
          return NaiveRelu(residual ? Sum(y, t[3]) : y);
        };
        rows.push_back(std::move(row));
      }
    }
  }
  rows.push_back({"batch_norm2d",
                  "residual without a rectifier",
                  {{3, 2, 2, 3}, {3}, {3}, {3, 2, 2, 3}},
                  [](const Vars& v) {
                    Tensor mean = Tensor::Zeros({3}), variance = mean.Clone();
                    return BatchNorm2d(v[0], v[1], v[2], {&mean, &variance},
                                       1e-5F, {v[3], false});
                  },
                  [](const Tensors& t) {
                    return Sum(
                        reference::BatchNorm(t[0], t[1], t[2], {}, {}, 1e-5F),
                        t[3]);
                  },
                  {0, 3}});
  return rows;
}

std::vector<OpRow> PlainRows() {
  return {
      {"linear",
       "with bias",
       {{4, 5}, {3, 5}, {3}},
       [](const Vars& v) { return Linear(v[0], v[1], v[2]); },
       [](const Tensors& t) { return reference::Linear(t[0], t[1], t[2]); }},
      {"linear",
       "one row, no bias",
       {{1, 1}, {1, 1}},
       [](const Vars& v) { return Linear(v[0], v[1], Var()); },
       [](const Tensors& t) { return reference::Linear(t[0], t[1], {}); }},
      {"relu",
       "",
       {{2, 3, 5, 7}},
       [](const Vars& v) { return Relu(v[0]); },
       [](const Tensors& t) { return NaiveRelu(t[0]); }},
      {"add",
       "",
       {{3, 4}, {3, 4}},
       [](const Vars& v) { return Add(v[0], v[1]); },
       [](const Tensors& t) { return Sum(t[0], t[1]); },
       {0, 1}},
      {"add",
       "a value with itself",
       {{3, 4}},
       [](const Vars& v) { return Add(v[0], v[0]); },
       [](const Tensors& t) {
         return Map(t[0], [](float x) { return 2 * x; });
       }},
      {"mul",
       "",
       {{3, 4}, {3, 4}},
       [](const Vars& v) { return Mul(v[0], v[1]); },
       [](const Tensors& t) {
         Tensor y = t[0].Clone();
         for (int64_t i = 0; i < y.count(); ++i) y.data()[i] *= t[1].data()[i];
         return y;
       },
       {0, 1}},
      {"reshape",
       "",
       {{2, 6}},
       [](const Vars& v) {
         return Reshape(v[0], {3, 2, 2});
       },
       [](const Tensors& t) {
         return t[0].Reshape({3, 2, 2});
       }},
      {"flatten",
       "",
       {{2, 3, 2, 4}},
       [](const Vars& v) { return Flatten(v[0]); },
       [](const Tensors& t) { return NaiveFlatten(t[0]); }},
      {"dropout",
       "a third",
       {{7, 9}},
       [](const Vars& v) { return Dropout(v[0], 1.0 / 3, Key(3)); },
       [](const Tensors& t) {
         Tensor y = t[0].Clone();
         for (int64_t i = 0; i < y.count(); ++i) {
           y.data()[i] *= Key(3).Uniform(uint64_t(i)) < 1.0 / 3 ? 0.0F : 1.5F;
         }
         return y;
       }},
      {"subsample_pad",
       "odd sizes",
       {{2, 5, 4, 3}},
       [](const Vars& v) { return SubsamplePad(v[0], 2, 2, 1); },
       [](const Tensors& t) { return NaiveSubsamplePad(t[0], 2, 1); }},
  };
}

std::vector<OpRow> MakeTable() {
  using kernels::PoolKind;
  std::vector<OpRow> rows = {
      ConvRow("3x3, padded", {2, 6, 5, 3}, {4, 3, 3, 3},
              Conv2dSpec::Square(1, 1), false),
      ConvRow("1x1, everything of size one", {1, 1, 1, 1}, {1, 1, 1, 1}, {},
              false),
      ConvRow("stride, dilation, uneven kernel, bias", {2, 9, 8, 4},
              {5, 3, 2, 4}, {2, 1, 1, 0, 2, 3, 1}, true),
      ConvRow("groups", {2, 5, 5, 6}, {4, 3, 3, 3},
              Conv2dSpec::Square(1, 1, 1, 2), true),
      ConvRow("depthwise, strided", {2, 7, 7, 8}, {8, 3, 3, 1},
              Conv2dSpec::Square(2, 1, 1, 8), false),
      ConvRow("16 channels, as oneDNN blocks them", {3, 8, 8, 16},
              {32, 3, 3, 16}, Conv2dSpec::Square(2, 1), false),
      PoolRow("maximum", {2, 6, 7, 3}, PoolKind::kMax, {3, 2, 2, 2, 1, 0}),
      PoolRow("average, padded", {2, 6, 7, 3}, PoolKind::kAverage,
              {3, 3, 2, 1, 1, 1}),
      {"pool2d",
       "global average",
       {{2, 4, 5, 3}},
       [](const Vars& v) { return GlobalAveragePool2d(v[0]); },
       [](const Tensors& t) {
         return reference::Pool2d(t[0], PoolKind::kAverage, {4, 5, 4, 5, 0, 0})
             .Reshape({2, 3});
       }},
      LossRow("plain", 0.0F),
      LossRow("smoothed labels", 0.2F),
      DistillationRow("as they are", 1.0F),
      DistillationRow("softened", 3.0F),
  };
  for (auto& row : NormRows()) rows.push_back(std::move(row));
  for (auto& row : FusedNormRows()) rows.push_back(std::move(row));
  for (auto& row : PlainRows()) rows.push_back(std::move(row));
  return rows;
}

}  // namespace

const std::vector<OpRow>& OpTable() {
  static const std::vector<OpRow> table = MakeTable();
  return table;
}

}  // namespace ohm::test
