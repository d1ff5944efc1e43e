// Convolution (cross-correlation, as everywhere in this field).
#pragma once

#include "core/autograd/var.h"
#include "core/kernels/conv_spec.h"

namespace ohm {

// x [n, h, w, c], w [out, kh, kw, c / groups], bias [out] or undefined
// -> [n, h', w', out]. Error, with both shapes, where they do not fit.
// Gradients: x, w, bias; each only where needed. Saves x and w.
Var Conv2d(const Var& x, const Var& w, const Var& bias,
           const Conv2dSpec& spec = {});

}  // namespace ohm
