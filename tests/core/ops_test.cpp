#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "core/base/check.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/elementwise.h"
#include "core/ops/add.h"
#include "core/ops/conv2d.h"
#include "core/ops/softmax_cross_entropy.h"
#include "tests/core/op_table.h"
#include "tests/support/data.h"
#include "tests/support/gradient_check.h"

namespace ohm::test {
namespace {

std::vector<Tensor> Inputs(const OpRow& row) {
  std::vector<Tensor> inputs;
  const Key key = Key(7).Child(row.op).Child(row.variant);
  for (size_t i = 0; i < row.inputs.size(); ++i) {
    inputs.push_back(SpreadTensor(row.inputs[i], key.Child(i)));
  }
  return inputs;
}

TEST_CASE("every op meets its naive twin and finite differences") {
  for (const OpRow& row : OpTable()) {
    CAPTURE(row.op);
    CAPTURE(row.variant);
    const auto inputs = Inputs(row);
    std::vector<Var> vars;
    for (const Tensor& input : inputs) vars.emplace_back(input);
    CHECK(MaxError(row.run(vars).value(), row.reference(inputs)) < 2e-5);
    CHECK(CheckGradients(row.run, inputs, Key(11).Child(row.op)) == "");
  }
}

// Gradients of sum(u * f(inputs)) for a random u, all as f32.
std::vector<Tensor> Gradients(const OpRow& row,
                              const std::vector<Tensor>& inputs) {
  std::vector<Var> leaves;
  for (const Tensor& input : inputs) leaves.emplace_back(input, true);
  const Var y = row.run(leaves);
  const Tensor u = RandomTensor(y.shape(), Key(12).Child(row.op));
  Backward(y, kernels::Cast(u, y.value().dtype()));
  std::vector<Tensor> grads{kernels::Cast(y.value(), DType::kF32)};
  for (size_t i = 0; i < leaves.size(); ++i) {
    const Tensor& grad = leaves[i].grad();
    CHECK(grad.dtype() == inputs[i].dtype());
    grads.push_back(kernels::Cast(grad, DType::kF32));
  }
  return grads;
}

double Norm(const Tensor& t) {
  double sum = 0;
  for (const float v : t.span()) sum += double(v) * double(v);
  return std::sqrt(sum);
}

TEST_CASE("every op computes with bf16 images what it does with f32 ones") {
  if (!kernels::HasBFloat16()) {
    MarkSkipped("this machine's oneDNN has no bf16");
    return;
  }
  for (const OpRow& row : OpTable()) {
    CAPTURE(row.op);
    CAPTURE(row.variant);
    // The same numbers in both types, so that only the op itself rounds.
    auto narrow = Inputs(row), wide = narrow;
    for (const size_t i : row.images) {
      narrow[i] = kernels::Cast(narrow[i], DType::kBF16);
      wide[i] = kernels::Cast(narrow[i], DType::kF32);
    }
    const auto a = Gradients(row, narrow), b = Gradients(row, wide);
    for (size_t i = 0; i < a.size(); ++i) {
      CAPTURE(i);  // 0: the output, then the inputs' gradients
      Tensor difference = a[i].Clone();
      for (int64_t k = 0; k < difference.count(); ++k) {
        difference.data()[k] -= b[i].data()[k];
      }
      // A bf16 number is off by at most 2^-9 of itself; weights, inputs and
      // outputs are rounded, so three of them and their products come to 1 %.
      CHECK(Norm(difference) <= 0.01 * Norm(b[i]) + 1e-6);
    }
  }
}

TEST_CASE("every op of core/ops has a row in the table") {
  std::set<std::string> rows, files;
  for (const OpRow& row : OpTable()) rows.insert(row.op);
  const std::filesystem::path folder = OHM_SOURCE_DIR "/core/ops";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".h") {
      files.insert(entry.path().stem().string());
    }
  }
  CHECK(files.size() > 5);
  CHECK(rows == files);
}

TEST_CASE("the gradient check finds a wrong gradient") {
  const auto wrong = [](const std::vector<Var>& v) {
    return Record("wrong", v[0].value(), {v[0]}, [](const BackwardCall& call) {
      Tensor g = call.grad_out.Clone();
      g.data()[0] *= 1.05F;
      return std::vector{g};
    });
  };
  const std::vector<Tensor> inputs{RandomTensor({2, 2}, Key(1))};
  CHECK(CheckGradients(wrong, inputs, Key(2)) != "");
}

TEST_CASE("ops say what they expected and what came") {
  const Var x(Tensor::Zeros({1, 4, 4, 3}));
  const Var w(Tensor::Zeros({2, 3, 3, 4}));
  CHECK_THROWS_WITH_AS(
      Conv2d(x, w, Var()),
      "[conv2d] expected weights [out, kh, kw, 3 / groups] for x "
      "[1, 4, 4, 3] with 1 groups, got [2, 3, 3, 4]",
      Error);
  CHECK_THROWS_AS(Conv2d(x, Var(Tensor::Zeros({2, 7, 7, 3})), Var()), Error);
  CHECK_THROWS_AS(Add(x, w), Error);
  const Var pixels(Tensor::Zeros({1, 4, 4, 3}, DType::kU8));
  CHECK_THROWS_WITH_AS(Conv2d(pixels, Var(Tensor::Zeros({2, 3, 3, 3})), Var()),
                       "expected tensors of f32 or bf16, got u8", Error);
  const std::vector<int32_t> labels{2};
  CHECK_THROWS_WITH_AS(
      SoftmaxCrossEntropy(Var(Tensor::Zeros({1, 2})), labels),
      "[softmax_cross_entropy] expected labels in 0..1, got 2 at position 0",
      Error);
}

TEST_CASE("a graph is consumed by backward and a frozen net records nothing") {
  Var x(Tensor::Full({2}, 1.0F), true);
  const Var y = Add(x, x);
  Backward(y, Tensor::Full({2}, 3.0F));
  CHECK(x.grad().data()[0] == 6.0F);
  CHECK_THROWS_AS(Backward(y, Tensor::Full({2}, 1.0F)), Error);
  {
    const NoGrad off;
    CHECK_FALSE(Add(x, x).requires_grad());
  }
  x.set_requires_grad(false);
  CHECK_FALSE(Add(x, x).requires_grad());
}

}  // namespace
}  // namespace ohm::test
