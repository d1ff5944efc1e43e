// The same numbers stored as another type.
#pragma once

#include "core/autograd/var.h"

namespace ohm {

// x as f32 or bf16, rounded to nearest; x itself where it is that already. The
// gradient comes back in the type of x. Saves nothing.
Var Cast(const Var& x, DType dtype);

}  // namespace ohm
