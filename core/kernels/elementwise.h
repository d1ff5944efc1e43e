// Memory-bound loops over f32 tensors. Shapes are asserted, not checked: the
// ops above have done that. Results do not depend on the thread count.
#pragma once

#include "core/tensor/tensor.h"

namespace ohm::kernels {

Tensor Add(const Tensor& a, const Tensor& b);
void AddInPlace(Tensor* into, const Tensor& b);

Tensor Relu(const Tensor& x);
// gy where y > 0, else 0; y is the output of Relu.
Tensor ReluBackward(const Tensor& y, const Tensor& gy);

// x [..., channels] + bias [channels], in place.
void AddBiasInPlace(Tensor* x, const Tensor& bias);

// Sums x [rows, channels] over its rows; the order of additions is fixed.
Tensor SumRows(const Tensor& x);

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
