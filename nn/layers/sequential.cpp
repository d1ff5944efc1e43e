#include "nn/layers/sequential.h"

#include "core/ops/add.h"
#include "nn/layers/batch_norm2d.h"
#include "nn/layers/simple.h"

namespace ohm::nn {

Var Sequential::Forward(const Var& x, const Context& context) {
  Var y = x;
  for (size_t i = 0; i < order_.size(); ++i) {
    auto* norm = dynamic_cast<BatchNorm2d*>(order_[i]);
    if (norm != nullptr && i + 1 < order_.size() &&
        dynamic_cast<ReLU*>(order_[i + 1]) != nullptr) {
      y = norm->Forward(y, context, {.relu = true});
      ++i;
    } else {
      y = order_[i]->Forward(y, context);
    }
  }
  return y;
}

Var ResidualAdd::Forward(const Var& x, const Context& context) {
  return Add(x, body_->Forward(x, context));
}

}  // namespace ohm::nn
