// Names and shapes of torchvision's models, so that their weights load.
#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "core/base/check.h"
#include "nn/layers/dropout.h"
#include "nn/models/model.h"
#include "tests/support/gradient_check.h"
#include "tests/support/near.h"

namespace ohm::test {
namespace {

struct Expected {
  const char* name;
  int64_t parameters;  // as torchvision documents them, 1000 classes
  std::map<std::string, Shape> shapes;  // ours: [out, kh, kw, in]
};

// torchvision.models, "Table of all available classification weights".
const std::vector<Expected>& Models() {
  static const std::vector<Expected> models{
      {"resnet18",
       11689512,
       {{"conv1.weight", {64, 7, 7, 3}},
        {"layer1.0.conv1.weight", {64, 3, 3, 64}},
        {"layer2.0.downsample.0.weight", {128, 1, 1, 64}},
        {"layer2.0.downsample.1.weight", {128}},
        {"layer4.1.bn2.bias", {512}},
        {"fc.weight", {1000, 512}}}},
      {"resnet34",
       21797672,
       {{"layer3.5.conv2.weight", {256, 3, 3, 256}}, {"fc.bias", {1000}}}},
      {"resnet50",
       25557032,
       {{"layer1.0.conv1.weight", {64, 1, 1, 64}},
        {"layer1.0.conv3.weight", {256, 1, 1, 64}},
        {"layer1.0.downsample.0.weight", {256, 1, 1, 64}},
        {"layer4.2.conv2.weight", {512, 3, 3, 512}},
        {"fc.weight", {1000, 2048}}}},
      {"vgg16_bn",
       138365992,
       {{"features.0.weight", {64, 3, 3, 3}},
        {"features.0.bias", {64}},
        {"features.1.weight", {64}},
        {"features.41.bias", {512}},
        {"classifier.0.weight", {4096, 25088}},
        {"classifier.6.weight", {1000, 4096}}}},
  };
  return models;
}

TEST_CASE("networks for large images have torchvision's names and shapes") {
  for (const Expected& expected : Models()) {
    INFO("model ", std::string(expected.name));
    const auto model = nn::MakeModel(
        {.name = expected.name, .classes = 1000, .image_size = 224}, Key(1));
    int64_t count = 0;
    std::map<std::string, Shape> shapes;
    for (const auto& p : model->Parameters()) {
      count += p.var.value().count();
      shapes[p.name] = p.var.shape();
    }
    CHECK(count == expected.parameters);
    for (const auto& [name, shape] : expected.shapes) {
      CAPTURE(name);
      REQUIRE(shapes.count(name) == 1);
      CHECK(shapes[name] == shape);
    }
  }
  CHECK_THROWS_WITH_AS(
      nn::MakeModel({.name = "vgg16_bn", .image_size = 64}, Key(1)),
      "[vgg16_bn] expected images of 224x224, got 64", Error);
}

TEST_CASE("resnet18 halves the image five times") {
  const auto model = nn::MakeModel(
      {.name = "resnet18", .classes = 3, .image_size = 48}, Key(1));
  const Var x(RandomTensor({1, 48, 48, 3}, Key(2)));
  CHECK(model->Forward(x, {}).shape() == Shape{1, 3});
}

TEST_CASE("dropout zeroes its share and keeps the mean; a key is a mask") {
  nn::Dropout layer(0.25, "d");
  const Var x(Tensor::Full({100, 400}, 1.0F));
  const nn::Context context{.training = true, .noise = Key(5)};
  const Tensor y = layer.Forward(x, context).value();
  int64_t zeros = 0;
  double sum = 0;
  for (const float v : y.span()) {
    zeros += v == 0.0F ? 1 : 0;
    sum += double(v);
  }
  // Binomial of 40,000 at 0.25: deviation 86.6; six of them.
  CHECK(std::abs(double(zeros) - 10000) < 520);
  CHECK(sum / 40000 == Near(1.0, 0.02));
  CHECK(BitEqual(layer.Forward(x, context).value(), y));
  const nn::Context other{.training = true, .noise = Key(6)};
  CHECK_FALSE(BitEqual(layer.Forward(x, other).value(), y));
  CHECK(BitEqual(layer.Forward(x, {}).value(), x.value()));
  // A part of a batch is thinned as it is in the whole.
  nn::Context later = context;
  later.first_sample = 30;
  const Tensor part =
      layer.Forward(Var(x.value().Slice(30, 50)), later).value();
  CHECK(BitEqual(part, y.Slice(30, 50)));
  CHECK_THROWS_AS(nn::Dropout(1.0, "d"), Error);
}

}  // namespace
}  // namespace ohm::test
