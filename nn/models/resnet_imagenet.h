// ResNets for large images: He et al., "Deep Residual Learning" (CVPR 2016),
// table 1. Parameter names and shapes are torchvision's.
#pragma once

#include "nn/models/model.h"

namespace ohm::nn {

// depth 18 or 34 (basic blocks) or 50 (bottlenecks): a 7x7 convolution with
// stride 2, a 3x3 maximum with stride 2, four stages of 64, 128, 256 and 512
// channels (four times that with bottlenecks), global average pooling, a linear
// layer "fc". Images of any size from 32x32; width and shortcut of the spec do
// not apply.
template <int depth>
std::unique_ptr<Model> MakeResNetImageNet(const ModelSpec& spec, Key key);

}  // namespace ohm::nn
