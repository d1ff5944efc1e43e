// LeNet-5 (LeCun et al., 1998) in its usual modern form.
#pragma once

#include "nn/models/model.h"

namespace ohm::nn {

std::unique_ptr<Model> MakeLeNet5(const ModelSpec& spec, Key key);

}  // namespace ohm::nn
