#include "nn/layers/table.h"

#include "nn/layers/batch_norm2d.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/dropout.h"
#include "nn/layers/linear.h"
#include "nn/layers/sequential.h"
#include "nn/layers/simple.h"

namespace ohm::nn {
namespace {

using ModulePtr = std::unique_ptr<Module>;

template <typename Layer>
ModulePtr MakePool(Key /*key*/) {
  return std::make_unique<Layer>(Pool2dSpec{3, 2, 2, 1, 1, 0});
}

template <typename Layer>
ModulePtr MakePlain(Key /*key*/) {
  return std::make_unique<Layer>();
}

ModulePtr MakeConv(Key key) {
  return std::make_unique<Conv2d>(Conv2dOptions{.in = 4,
                                                .out = 6,
                                                .kernel_h = 3,
                                                .kernel_w = 2,
                                                .spec = {2, 1, 1, 0, 1, 2, 2},
                                                .bias = true},
                                  key);
}

ModulePtr MakeSequential(Key key) {
  auto net = std::make_unique<Sequential>();
  net->Add(SquareConv2d(2, 3, 3, 1, 1, key.Child("conv")));
  net->Add(std::make_unique<BatchNorm2d>(3));
  net->Add(std::make_unique<ReLU>());
  return net;
}

ModulePtr MakeResidual(Key key) {
  return std::make_unique<ResidualAdd>(SquareConv2d(2, 2, 3, 1, 1, key));
}

}  // namespace

const std::vector<LayerRow>& LayerTable() {
  static const std::vector<LayerRow> table = {
      {"Conv2d",
       "convolution: stride, padding, dilation, groups",
       {2, 6, 5, 4},
       MakeConv},
      {"Linear",
       "fully connected",
       {3, 5},
       [](Key key) { return std::make_unique<Linear>(5, 4, key); }},
      {"BatchNorm2d",
       "batch normalisation",
       {3, 4, 3, 5},
       [](Key) { return std::make_unique<BatchNorm2d>(5); }},
      {"ReLU", "rectifier", {2, 3, 3, 4}, MakePlain<ReLU>},
      {"MaxPool2d", "maximum of a window", {2, 6, 5, 3}, MakePool<MaxPool2d>},
      {"AvgPool2d", "mean of a window", {2, 6, 5, 3}, MakePool<AvgPool2d>},
      {"GlobalAvgPool2d",
       "mean of every channel",
       {2, 4, 3, 5},
       MakePlain<GlobalAvgPool2d>},
      {"Dropout",
       "zeros at random places, in training",
       {4, 9},
       [](Key) { return std::make_unique<Dropout>(0.3, "dropout"); }},
      {"Flatten",
       "images to vectors, in PyTorch's order",
       {2, 3, 2, 4},
       MakePlain<Flatten>},
      {"Sequential",
       "children one after the other",
       {3, 4, 5, 2},
       MakeSequential},
      {"ResidualAdd", "x + body(x)", {2, 4, 4, 2}, MakeResidual},
  };
  return table;
}

}  // namespace ohm::nn
