// Another shape over the same numbers.
#pragma once

#include "core/autograd/var.h"

namespace ohm {

// Same elements in the same order; no copy.
Var Reshape(const Var& x, const Shape& shape);

}  // namespace ohm
