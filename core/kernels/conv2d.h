// Convolution on NHWC images, by oneDNN. Primitives are made once per shape,
// type and thread count and kept. Shapes: x [n, h, w, c],
// weights [out, kh, kw, c / groups], y [n, h', w', out].
//
// Images are f32 or bf16, weights and their gradients always f32: with bf16
// images the weights are rounded on their way into oneDNN's layout, products
// are summed in f32, and y and gx are bf16 again.
#pragma once

#include "core/kernels/conv_spec.h"
#include "core/tensor/tensor.h"

namespace ohm::kernels {

// Whether this machine's oneDNN computes with bf16 (from AVX-512 up).
bool HasBFloat16();

// bias [out] (f32) or undefined.
Tensor Conv2d(const Tensor& x, const Tensor& w, const Tensor& bias,
              const Conv2dSpec& spec);
Tensor Conv2dGradInput(const Tensor& gy, const Tensor& w, const Shape& x_shape,
                       const Conv2dSpec& spec);
Tensor Conv2dGradWeight(const Tensor& x, const Tensor& gy, const Shape& w_shape,
                        const Conv2dSpec& spec);

}  // namespace ohm::kernels
