#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "core/base/check.h"
#include "core/ops/softmax_cross_entropy.h"
#include "nn/layers/batch_norm2d.h"
#include "nn/layers/sequential.h"
#include "nn/layers/simple.h"
#include "nn/layers/table.h"
#include "nn/models/model.h"
#include "tests/support/gradient_check.h"
#include "tests/train/scratch_folder.h"
#include "train/checkpoint.h"

namespace ohm::test {
namespace {

// A fresh module per call, with the given parameter values: batch norm's
// running statistics must not carry over between evaluations.
Var RunLayer(const nn::LayerRow& row, const std::vector<Var>& inputs) {
  auto module = row.make_example(Key(5));
  auto parameters = module->Parameters();
  // The gradient must reach the caller's leaves, so the module's own leaves
  // share their value and hand their gradient on.
  for (size_t i = 0; i < parameters.size(); ++i) {
    parameters[i].var.mutable_value() = inputs[i + 1].value();
    parameters[i].var.set_requires_grad(inputs[i + 1].requires_grad());
  }
  const Var x(inputs[0].value(), inputs[0].requires_grad());
  const Var y = module->Forward(x, {.training = true});
  // Wrap the module's graph into one node on the caller's leaves.
  const std::shared_ptr<nn::Module> keep = std::move(module);
  return Record("layer", y.value(), inputs,
                [keep, parameters, x, y](const BackwardCall& call) {
                  Backward(y, call.grad_out.Clone());
                  std::vector<Tensor> grads{x.grad()};
                  for (const auto& p : parameters)
                    grads.push_back(p.var.grad());
                  return grads;
                });
}

TEST_CASE("every layer meets finite differences") {
  for (const nn::LayerRow& row : nn::LayerTable()) {
    INFO("layer ", std::string(row.name));
    std::vector<Tensor> inputs{SpreadTensor(row.example_input, Key(6))};
    for (const auto& p : row.make_example(Key(5))->Parameters()) {
      inputs.push_back(RandomTensor(p.var.shape(), Key(6).Child(p.name)));
    }
    CHECK(CheckGradients(
              [&](const std::vector<Var>& v) { return RunLayer(row, v); },
              inputs, Key(8).Child(row.name)) == "");
  }
}

// A layer that does not list what it has learned or measured loses it.
TEST_CASE("every layer is what it was once it is saved and loaded") {
  const train::ScratchFolder scratch;
  const auto file = scratch / "layer.safetensors";
  for (const nn::LayerRow& row : nn::LayerTable()) {
    INFO("layer ", std::string(row.name));
    const auto layer = row.make_example(Key(5)),
               again = row.make_example(Key(6));
    const Var x(RandomTensor(row.example_input, Key(7)));
    layer->Forward(x, {.training = true});
    train::SaveWeights(file, layer->Parameters(), layer->Buffers());
    train::LoadWeights(file, again->Parameters(), again->Buffers());
    CHECK(
        BitEqual(again->Forward(x, {}).value(), layer->Forward(x, {}).value()));
  }
}

TEST_CASE("a sequential's fused pass is what its layers do one by one") {
  const Tensor input = RandomTensor({3, 5, 5, 4}, Key(61));
  const Tensor u = RandomTensor({3, 5, 5, 4}, Key(62));
  const auto run = [&](bool fused) {
    nn::Sequential net;
    auto* norm = net.Add(std::make_unique<nn::BatchNorm2d>(4));
    auto* relu = net.Add(std::make_unique<nn::ReLU>());
    for (auto& p : net.Parameters()) {
      p.var.mutable_value() = RandomTensor({4}, Key(63).Child(p.name));
    }
    const Var x(input, true);
    const nn::Context training{.training = true};
    const Var y = fused ? net.Forward(x, training)
                        : relu->Forward(norm->Forward(x, training), training);
    const Tensor value = y.value().Clone();
    Backward(y, u.Clone());
    std::vector<Tensor> all{value, x.grad()};
    for (auto& p : net.Parameters()) all.push_back(p.var.grad());
    return all;
  };
  const auto one = run(true), apart = run(false);
  for (size_t i = 0; i < one.size(); ++i) {
    CHECK(MaxError(one[i], apart[i]) < 1e-5);
  }
}

TEST_CASE("layers are a function of their key, with unique dotted names") {
  for (const nn::LayerRow& row : nn::LayerTable()) {
    INFO("layer ", std::string(row.name));
    const auto a = row.make_example(Key(5)), b = row.make_example(Key(5));
    const auto pa = a->Parameters(), pb = b->Parameters();
    std::set<std::string> names;
    for (size_t i = 0; i < pa.size(); ++i) {
      CHECK(BitEqual(pa[i].var.value(), pb[i].var.value()));
      names.insert(pa[i].name);
    }
    CHECK(names.size() == pa.size());
  }
}

TEST_CASE("a resnet20 has the published names and 269,722 parameters") {
  const auto model = nn::MakeModel({}, Key(1));
  int64_t count = 0;
  std::set<std::string> names;
  for (const auto& p : model->Parameters()) {
    count += p.var.value().count();
    names.insert(p.name);
  }
  CHECK(count == 269722);
  for (const char* name :
       {"conv1.weight", "bn1.bias", "layer1.0.conv1.weight",
        "layer3.2.bn2.weight", "linear.weight", "linear.bias"}) {
    CHECK_MESSAGE(names.count(name) == 1, name);
  }
  std::set<std::string> buffers;
  for (const auto& b : model->Buffers()) buffers.insert(b.name);
  CHECK(buffers.count("layer2.1.bn1.running_var") == 1);
}

TEST_CASE("every model runs forward and backward at its shapes") {
  for (const nn::ModelRow& row : nn::ModelTable()) {
    const bool vgg = std::string(row.name) == "vgg16_bn";
    const int64_t side = vgg ? 224 : 32;
    for (const char shortcut : {'a', 'b'}) {
      // Half a gigabyte of weights: once is enough.
      if (vgg && shortcut == 'b') continue;
      INFO("layer ", std::string(row.name));
      const auto model = nn::MakeModel({.name = row.name,
                                        .classes = 7,
                                        .image_size = side,
                                        .width = 4,
                                        .shortcut = shortcut},
                                       Key(3));
      const Var x(RandomTensor({2, side, side, 3}, Key(4)));
      const Var y = model->Forward(x, {.training = true});
      CHECK(y.shape() == Shape{2, 7});
      Backward(SoftmaxCrossEntropy(y, std::vector<int32_t>{1, 6}));
      for (const auto& p : model->Parameters()) {
        CAPTURE(p.name);
        CHECK(p.var.grad().defined());
      }
      model->head().Reset(3, Key(9));
      CHECK(model->Forward(x, {}).shape() == Shape{2, 3});
    }
  }
  CHECK_THROWS_AS(nn::MakeModel({.name = "resnet19"}, Key(1)), Error);
}

}  // namespace
}  // namespace ohm::test
