#include "core/ops/reshape.h"

namespace ohm {

Var Reshape(const Var& x, const Shape& shape) {
  return Record("reshape", x.value().Reshape(shape), {x},
                [before = x.shape()](const BackwardCall& call) {
                  return std::vector{call.grad_out.Reshape(before)};
                });
}

}  // namespace ohm
