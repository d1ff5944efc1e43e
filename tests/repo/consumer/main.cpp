// Uses every library once; consumer_test.cpp computes the same numbers.
#include <cstdio>
#include <string>

#include "core/ops/conv2d.h"
#include "core/tensor/tensor.h"
#include "datasets/table.h"
#include "hw/converters.h"
#include "nn/models/model.h"
#include "train/optim/table.h"

int main() {
  const ohm::Var x(ohm::Tensor::Full({1, 5, 5, 3}, 1.0F));
  const ohm::Var w(ohm::Tensor::Full({2, 3, 3, 3}, 1.0F));
  float sum = 0;
  for (const float value : ohm::Conv2d(x, w, {}).value().span()) sum += value;
  std::printf("conv2d %g\n", double(sum));

  const auto model = ohm::nn::MakeModel({.name = "lenet5"}, ohm::Key(7));
  const ohm::Var image(ohm::Tensor::Full({1, 32, 32, 3}, 0.5F));
  const ohm::Var logits = model->Forward(image, {});
  std::printf("lenet5 %s %a\n", logits.shape().str().c_str(),
              double(logits.value().data()[0]));

  const auto shapes = ohm::datasets::Open("shapes", {});
  int64_t bytes = 0;
  for (const uint8_t value : shapes.test->get(3).image.span<uint8_t>()) {
    bytes += value;
  }
  std::printf("shapes %lld\n", static_cast<long long>(bytes));
  std::printf("step %a\n", double(ohm::hw::StepFor(1.0F, 8)));

  for (const std::string& name : ohm::train::OptimizerNames()) {
    std::printf("%s\n", name.c_str());
  }
}
