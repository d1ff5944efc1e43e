// Elementwise sum.
#pragma once

#include "core/autograd/var.h"

namespace ohm {

// a + b of equal shapes; Error otherwise. Saves nothing.
Var Add(const Var& a, const Var& b);

}  // namespace ohm
