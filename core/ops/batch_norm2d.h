// Batch normalisation (Ioffe and Szegedy, 2015) over the last axis.
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

// x [n, h, w, c], scale and shift [c]; y = scale * (x - m) / sqrt(v + eps)
// + shift with the statistics of the batch. Updates `running`. Needs more than
// one value per channel. Saves x, scale and the statistics.
Var BatchNorm2d(const Var& x, const Var& scale, const Var& shift,
                const RunningStatistics& running, float eps);

// The same with given statistics, which are not changed; the gradient treats
// them as constants.
Var BatchNorm2dGiven(const Var& x, const Var& scale, const Var& shift,
                     const Tensor& mean, const Tensor& variance, float eps);

}  // namespace ohm
