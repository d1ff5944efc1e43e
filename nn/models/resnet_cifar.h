// ResNets for 32x32 images: He et al., "Deep Residual Learning" (CVPR 2016),
// section 4.2. Parameter names are those of akamaster/pytorch_resnet_cifar10,
// the implementation whose weights are commonly published.
#pragma once

#include "nn/models/model.h"

namespace ohm::nn {

// depth = 6 n + 2: a 3x3 convolution, three stages of n basic blocks with
// width, 2 width and 4 width channels, global average pooling, a linear layer.
template <int depth>
std::unique_ptr<Model> MakeResNetCifar(const ModelSpec& spec, Key key);

}  // namespace ohm::nn
