#include "core/ops/add.h"

#include "core/base/check.h"
#include "core/kernels/elementwise.h"

namespace ohm {

Var Add(const Var& a, const Var& b) {
  OHM_CHECK(a.shape() == b.shape(), "[add] expected equal shapes, got " +
                                        a.shape().str() + " and " +
                                        b.shape().str());
  return Record("add", kernels::Add(a.value(), b.value()), {a, b},
                [](const BackwardCall& call) {
                  return std::vector{call.Needs(0) ? call.grad_out : Tensor(),
                                     call.Needs(1) ? call.grad_out : Tensor()};
                });
}

}  // namespace ohm
