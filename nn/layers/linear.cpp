#include "nn/layers/linear.h"

#include "core/base/check.h"

namespace ohm::nn {
namespace {

Tensor WeightOf(int64_t in, int64_t out, Key key) {
  OHM_CHECK(in >= 1 && out >= 1, "[linear] expected in and out >= 1, got " +
                                     std::to_string(in) + " and " +
                                     std::to_string(out));
  return FanInUniform({out, in}, in, key.Child("weight"));
}

Tensor BiasOf(int64_t in, int64_t out, Key key) {
  return FanInUniform({out}, in, key.Child("bias"));
}

}  // namespace

Linear::Linear(int64_t in, int64_t out, Key key)
    : WeightLayer(Role::kLinearWeight, WeightOf(in, out, key),
                  BiasOf(in, out, key)) {}

Var Linear::Forward(const Var& x, const Context& context) {
  return policy_->Linear(x, weight_, bias_, context);
}

void Linear::Reset(int64_t out, Key key) {
  const int64_t in = weight_.shape()[1];
  weight_.mutable_value() = WeightOf(in, out, key);
  bias_.mutable_value() = BiasOf(in, out, key);
  weight_.ClearGrad();
  bias_.ClearGrad();
  policy_->WeightsReplaced(weight_.shape());
}

}  // namespace ohm::nn
