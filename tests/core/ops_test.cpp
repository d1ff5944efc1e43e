#include <doctest/doctest.h>

#include <filesystem>
#include <set>

#include "core/base/check.h"
#include "core/ops/add.h"
#include "core/ops/conv2d.h"
#include "core/ops/softmax_cross_entropy.h"
#include "tests/core/op_table.h"
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
