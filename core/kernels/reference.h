// Naive twins of the fast kernels: plain loops in double, for the tests. Same
// shapes and meaning as the functions they stand beside.
#pragma once

#include <cstdint>
#include <span>

#include "core/kernels/conv_spec.h"
#include "core/kernels/pool2d.h"
#include "core/tensor/tensor.h"

namespace ohm::reference {

// bias may be undefined.
Tensor Conv2d(const Tensor& x, const Tensor& w, const Tensor& bias,
              const Conv2dSpec& spec);
Tensor Linear(const Tensor& x, const Tensor& w, const Tensor& bias);
Tensor Pool2d(const Tensor& x, kernels::PoolKind kind, const Pool2dSpec& spec);
// With the statistics of the batch where mean and variance are undefined.
Tensor BatchNorm(const Tensor& x, const Tensor& scale, const Tensor& shift,
                 const Tensor& mean, const Tensor& variance, float eps);
Tensor SoftmaxCrossEntropy(const Tensor& logits,
                           std::span<const int32_t> labels, float smoothing);
Tensor DistillationLoss(const Tensor& logits, const Tensor& teacher,
                        float temperature);

}  // namespace ohm::reference
