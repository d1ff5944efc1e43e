// A multi-layer perceptron.
#pragma once

#include "nn/models/model.h"

namespace ohm::nn {

std::unique_ptr<Model> MakeMlp(const ModelSpec& spec, Key key);

}  // namespace ohm::nn
