// A multi-layer perceptron: 3 * image_size^2 inputs, two hidden layers of 256
// with ReLU, a linear head; no batch normalisation.
#pragma once

#include "nn/models/model.h"

namespace ohm::nn {

std::unique_ptr<Model> MakeMlp(const ModelSpec& spec, Key key);

}  // namespace ohm::nn
