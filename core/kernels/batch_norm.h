// Batch normalisation over the last axis of [n, h, w, c], together with what
// mostly follows it: the addition of a residual branch and the rectifier.
//   z = scale * (x - mean) / sqrt(variance + eps) + shift + residual
//   y = max(z, 0), or z without the rectifier
// Images are f32 or bf16, everything per channel is f32, sums are gathered in
// double; results do not depend on the thread count.
//
// Why not oneDNN's: with its NHWC batch norm, a rectifier and an addition of
// our own, a training step of ResNet-20 (batch 128, f32, 2 threads) took 169
// ms; with these and the arena of a step it takes 152 ms (docs/results.md).
#pragma once

#include "core/tensor/tensor.h"

namespace ohm::kernels {

struct ChannelStatistics {
  Tensor mean, variance;  // [c]; the variance is biased (divided by n*h*w)
};
// Two readings' worth of accuracy in one: squares are taken around a value of
// each block, blocks are joined in double (Chan, Golub, LeVeque, 1979).
ChannelStatistics BatchStatistics(const Tensor& x);

// One normalisation: parameters [c], statistics [c], and what follows.
struct Normalisation {
  Tensor scale, shift;
  ChannelStatistics statistics;
  float eps = 1e-5F;
  bool relu = false;
};

// residual: shaped and typed like x, or undefined.
Tensor Normalise(const Tensor& x, const Normalisation& norm,
                 const Tensor& residual = Tensor());

// What the gradient of one normalisation starts from.
struct NormalisedOutput {
  Tensor x;
  Normalisation norm;
  bool batch_statistics = true;  // whether mean and variance depended on x
  bool has_residual = false;
  Tensor y;  // needed with relu and has_residual, else may be undefined
};
struct NormalisationNeeds {
  bool x = true, parameters = true, residual = true;
};
struct NormalisationGrads {
  Tensor x, scale, shift, residual;  // undefined where not needed
};
// gy is consumed: where nothing else shares its storage, a gradient is written
// over it.
NormalisationGrads NormaliseBackward(const NormalisedOutput& output, Tensor gy,
                                     const NormalisationNeeds& needs);

}  // namespace ohm::kernels
