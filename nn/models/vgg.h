// VGG: Simonyan and Zisserman, "Very deep convolutional networks" (ICLR 2015),
// configuration D with batch norm. Parameter names and shapes are
// torchvision's.
#pragma once

#include "nn/models/model.h"

namespace ohm::nn {

// Thirteen 3x3 convolutions with batch norm in five stages, each ended by a
// 2x2 maximum; three linear layers with dropout of one half between them.
// Images of 224x224 (Error otherwise); width and shortcut of the spec do not
// apply.
std::unique_ptr<Model> MakeVgg16Bn(const ModelSpec& spec, Key key);

}  // namespace ohm::nn
