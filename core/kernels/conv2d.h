// Convolution on f32 NHWC images, by oneDNN. Primitives are made once per
// shape and thread count and kept. Shapes: x [n, h, w, c],
// weights [out, kh, kw, c / groups], y [n, h', w', out].
#pragma once

#include "core/kernels/conv_spec.h"
#include "core/tensor/tensor.h"

namespace ohm::kernels {

// bias [out] or undefined.
Tensor Conv2d(const Tensor& x, const Tensor& w, const Tensor& bias,
              const Conv2dSpec& spec);
Tensor Conv2dGradInput(const Tensor& gy, const Tensor& w, const Shape& x_shape,
                       const Conv2dSpec& spec);
Tensor Conv2dGradWeight(const Tensor& x, const Tensor& gy, const Shape& w_shape,
                        const Conv2dSpec& spec);

}  // namespace ohm::kernels
