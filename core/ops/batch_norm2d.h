// Batch normalisation (Ioffe and Szegedy, 2015) over the last axis, with the
// residual addition and the rectifier that mostly follow it.
#pragma once

#include "core/autograd/var.h"

namespace ohm {

// Running statistics, [c] each. Updated as PyTorch does:
// running += momentum * (batch - running), with the unbiased batch variance.
struct RunningStatistics {
  Tensor* mean;
  Tensor* variance;
  double momentum = 0.1;  // 0..1
};

// What follows the normalisation, in one pass over the images:
// y = max(normalised + residual, 0). Each part may be left out. The same
// numbers as with the ops Add and Relu, but for one rounding less in bf16.
struct AfterNorm {
  Var residual = {};  // shaped and typed like x
  bool relu = false;
};

// x [n, h, w, c], scale and shift [c] (f32); y = scale * (x - m) / sqrt(v +
// eps) + shift with the statistics of the batch. Updates `running`. Needs more
// than one value per channel. Saves x, scale, shift and the statistics; with a
// residual and a rectifier also its output.
Var BatchNorm2d(const Var& x, const Var& scale, const Var& shift,
                const RunningStatistics& running, float eps,
                const AfterNorm& after = {});

// The same with given statistics, which are not changed; the gradient treats
// them as constants.
Var BatchNorm2dGiven(const Var& x, const Var& scale, const Var& shift,
                     const Tensor& mean, const Tensor& variance, float eps,
                     const AfterNorm& after = {});

}  // namespace ohm
