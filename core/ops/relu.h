// Rectifier.
#pragma once

#include "core/autograd/var.h"

namespace ohm {

// max(x, 0), any shape; a NaN stays a NaN. The gradient is 1 where the output
// is positive and 0 elsewhere (also at x = 0). Saves its output.
Var Relu(const Var& x);

}  // namespace ohm
