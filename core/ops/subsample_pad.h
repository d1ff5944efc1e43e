// ResNet's parameter-free shortcut.
#pragma once

#include "core/autograd/var.h"

namespace ohm {

// Takes every `stride`-th row and column of x [n, h, w, c] and puts `before`
// zero channels in front and `after` behind: "option A" of He et al.,
// "Deep Residual Learning" (CVPR 2016), section 3.3. Saves nothing.
Var SubsamplePad(const Var& x, int64_t stride, int64_t before, int64_t after);

}  // namespace ohm
