// Pooling on f32 or bf16 NHWC images, by oneDNN.
#pragma once

#include "core/kernels/conv_spec.h"
#include "core/tensor/tensor.h"

namespace ohm::kernels {

enum class PoolKind : uint8_t {
  kMax,
  kAverage,  // padding counts as zeros, as in PyTorch's default
};

// `workspace`, where given, receives what kMax needs for its gradient.
Tensor Pool2d(const Tensor& x, PoolKind kind, const Pool2dSpec& spec,
              Tensor* workspace = nullptr);
Tensor Pool2dGradInput(const Tensor& gy, const Shape& x_shape, PoolKind kind,
                       const Pool2dSpec& spec, const Tensor& workspace);

}  // namespace ohm::kernels
