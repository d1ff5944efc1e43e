#include "core/ops/cast.h"

#include "core/kernels/elementwise.h"

namespace ohm {

Var Cast(const Var& x, DType dtype) {
  const DType before = x.value().dtype();
  if (before == dtype) return x;
  return Record("cast", kernels::Cast(x.value(), dtype), {x},
                [before](const BackwardCall& call) {
                  return std::vector{kernels::Cast(call.grad_out, before)};
                });
}

}  // namespace ohm
