// Memory-bound loops over f32 or bf16 tensors; a result has the type of the
// first input unless said otherwise. Shapes are asserted, not checked: the ops
// above have done that. Results do not depend on the thread count.
#pragma once

#include "core/tensor/tensor.h"

namespace ohm::kernels {

// The same numbers as another type, rounded to nearest; shares storage where
// x is of that type already.
Tensor Cast(const Tensor& x, DType dtype);

Tensor Add(const Tensor& a, const Tensor& b);
void AddInPlace(Tensor* into, const Tensor& b);

Tensor Relu(const Tensor& x);
// gy where y > 0, else 0; y is the output of Relu.
Tensor ReluBackward(const Tensor& y, const Tensor& gy);

// x [..., channels] + bias [channels] (f32), in place.
void AddBiasInPlace(Tensor* x, const Tensor& bias);

// Sums x [rows, channels] over its rows, in f32; the order of additions is
// fixed.
Tensor SumRows(const Tensor& x);

}  // namespace ohm::kernels
