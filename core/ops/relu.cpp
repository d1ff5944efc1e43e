#include "core/ops/relu.h"

#include "core/kernels/elementwise.h"

namespace ohm {

Var Relu(const Var& x) {
  const Tensor y = kernels::Relu(x.value());
  return Record("relu", y, {x}, [y](const BackwardCall& call) {
    return std::vector{kernels::ReluBackward(y, call.grad_out)};
  });
}

}  // namespace ohm
