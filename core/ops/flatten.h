// From images to vectors.
#pragma once

#include "core/autograd/var.h"

namespace ohm {

// x [n, h, w, c] -> [n, c * h * w] in the order (c, h, w), which is PyTorch's,
// so that the weights of a linear layer behind it are the same numbers in the
// same places here and there. Rank 2 passes through.
Var Flatten(const Var& x);

}  // namespace ohm
