// f32 matrix product by oneDNN.
#pragma once

#include "core/tensor/tensor.h"

namespace ohm::kernels {

enum class Transpose : bool { kNo, kYes };

// op(a) * op(b), [m, k] x [k, n] -> [m, n] after the transpositions, plus
// bias [n] on every row where it is defined.
Tensor Matmul(const Tensor& a, Transpose ta, const Tensor& b, Transpose tb,
              const Tensor& bias = Tensor());

}  // namespace ohm::kernels
