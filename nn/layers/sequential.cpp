#include "nn/layers/sequential.h"

#include "core/ops/add.h"

namespace ohm::nn {

Var Sequential::Forward(const Var& x, const Context& context) {
  Var y = x;
  for (Module* child : order_) y = child->Forward(y, context);
  return y;
}

Var ResidualAdd::Forward(const Var& x, const Context& context) {
  return Add(x, body_->Forward(x, context));
}

}  // namespace ohm::nn
