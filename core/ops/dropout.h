// Zeros at random places.
#pragma once

#include "core/autograd/var.h"
#include "core/base/random.h"

namespace ohm {

// Element i of x becomes 0 where key.Uniform(i) < share, else it is divided by
// 1 - share; 0 <= share < 1. The gradient takes the same way. Saves nothing:
// backward draws the same numbers again (about 15 ns each, meant for the hidden
// layers of a classifier, not for images).
Var Dropout(const Var& x, double share, Key key);

}  // namespace ohm
