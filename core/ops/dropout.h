// Zeros at random places.
#pragma once

#include "core/autograd/var.h"
#include "core/base/random.h"

namespace ohm {

// Element i of x becomes 0 where key.Uniform(first + i) < share, else it is
// divided by 1 - share; 0 <= share < 1. `first`: of x in a whole that is cut
// into parts. The gradient takes the same way. Saves nothing:
// backward draws the same numbers again (about 15 ns each, meant for the hidden
// layers of a classifier, not for images).
Var Dropout(const Var& x, double share, Key key, int64_t first = 0);

}  // namespace ohm
