// Matrix product by oneDNN; sums are f32.
#pragma once

#include "core/tensor/tensor.h"

namespace ohm::kernels {

enum class Transpose : bool { kNo, kYes };

// op(a) * op(b), [m, k] x [k, n] -> [m, n] after the transpositions, plus
// bias [n] (f32) on every row where it is defined. a and b are f32 or bf16;
// where they differ, the f32 one is rounded to bf16. `result`: f32, or bf16
// where a or b is.
Tensor Matmul(const Tensor& a, Transpose ta, const Tensor& b, Transpose tb,
              DType result, const Tensor& bias = Tensor());

}  // namespace ohm::kernels
