// LeNet-5 (LeCun et al., "Gradient-based learning applied to document
// recognition", 1998) in its usual modern form: 3 channels, ReLU, max pooling,
// a linear head; no batch normalisation.
#pragma once

#include "nn/models/model.h"

namespace ohm::nn {

// Reads spec.classes and spec.image_size; Error below 16x16 images.
std::unique_ptr<Model> MakeLeNet5(const ModelSpec& spec, Key key);

}  // namespace ohm::nn
