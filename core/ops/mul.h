// Elementwise product.
#pragma once

#include "core/autograd/var.h"

namespace ohm {

// a * b of equal shapes and types; Error otherwise. Saves both.
Var Mul(const Var& a, const Var& b);

}  // namespace ohm
