// Batch normalisation over the last axis of [n, h, w, c], by oneDNN:
// y = scale * (x - mean) / sqrt(variance + eps) + shift.
#pragma once

#include "core/tensor/tensor.h"

namespace ohm::kernels {

struct BatchNormOutput {
  Tensor y;
  Tensor mean;      // [c], of this batch
  Tensor variance;  // [c], of this batch, biased (divided by n*h*w)
};
// Normalises with the statistics of the batch itself.
BatchNormOutput BatchNormTrain(const Tensor& x, const Tensor& scale,
                               const Tensor& shift, float eps);
// Normalises with given statistics.
Tensor BatchNormGiven(const Tensor& x, const Tensor& scale, const Tensor& shift,
                      const Tensor& mean, const Tensor& variance, float eps);

struct BatchNormGrads {
  Tensor x, scale, shift;
};
// `batch_statistics`: whether mean and variance depended on x.
BatchNormGrads BatchNormBackward(const Tensor& x, const Tensor& scale,
                                 const Tensor& mean, const Tensor& variance,
                                 const Tensor& gy, float eps,
                                 bool batch_statistics);

}  // namespace ohm::kernels
