// Fully connected layer.
#pragma once

#include "core/autograd/var.h"

namespace ohm {

// y = x * w^T + bias. x [n, in], w [out, in], bias [out] or undefined
// -> [n, out]. Error where the shapes do not fit. Saves x and w.
Var Linear(const Var& x, const Var& w, const Var& bias);

}  // namespace ohm
