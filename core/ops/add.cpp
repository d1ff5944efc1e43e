#include "core/ops/add.h"

#include "core/base/check.h"
#include "core/kernels/elementwise.h"

namespace ohm {

Var Add(const Var& a, const Var& b) {
  OHM_CHECK(a.shape() == b.shape() && a.value().dtype() == b.value().dtype(),
            "[add] expected equal shapes and types, got " + a.shape().str() +
                " " + NameOf(a.value().dtype()) + " and " + b.shape().str() +
                " " + NameOf(b.value().dtype()));
  return Record("add", kernels::Add(a.value(), b.value()), {a, b},
                [](const BackwardCall& call) {
                  return std::vector{call.Needs(0) ? call.grad_out : Tensor(),
                                     call.Needs(1) ? call.grad_out : Tensor()};
                });
}

}  // namespace ohm
