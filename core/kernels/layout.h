// Moves numbers without computing: transposed, subsampled, padded. f32 or bf16
// tensors; shapes are not checked.
#pragma once

#include "core/tensor/tensor.h"

namespace ohm::kernels {

// [n, h, w, c] <-> [n, c, h, w].
Tensor ToChannelsFirst(const Tensor& x);
Tensor ToChannelsLast(const Tensor& x);

// Every `stride`-th row and column of x [n, h, w, c], with `before` zero
// channels in front and `after` behind.
Tensor SubsamplePad(const Tensor& x, int64_t stride, int64_t before,
                    int64_t after);
// Its transpose: scatters gy back into `x_shape`.
Tensor SubsamplePadBackward(const Tensor& gy, const Shape& x_shape,
                            int64_t stride, int64_t before);

}  // namespace ohm::kernels
