// Kernels that take f32 and bf16 tensors alike: one loop, two storage types.
// Whatever they are stored in, numbers are computed with as floats.
#pragma once

#include "core/base/check.h"
#include "core/tensor/tensor.h"

// A loop body that is inlined into the OHM_SIMD_CLONES overloads of each type,
// so that it is compiled for their instruction sets.
#define OHM_LOOP_BODY   \
  template <typename T> \
  [[gnu::always_inline]] inline

namespace ohm::kernels {

// Calls body(T{}) with T = float or BFloat16; Error for another type.
template <typename Body>
void VisitFloatType(DType dtype, const Body& body) {
  if (dtype == DType::kF32) return body(float{});
  if (dtype == DType::kBF16) return body(BFloat16{});
  ThrowError(std::string("[kernels] expected a tensor of type f32 or bf16, "
                         "got ") +
             NameOf(dtype));
}

}  // namespace ohm::kernels
