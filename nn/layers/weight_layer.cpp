#include "nn/layers/weight_layer.h"

#include <cmath>

#include "core/base/check.h"

namespace ohm::nn {

WeightLayer::WeightLayer(Role role, Tensor weight, Tensor bias)
    : weight_(AddParameter("weight", role, std::move(weight))) {
  if (bias.defined()) bias_ = AddParameter("bias", Role::kBias, bias);
}

void WeightLayer::set_policy(std::shared_ptr<Policy> policy) {
  OHM_CHECK(policy != nullptr, "[layer] expected a policy, got none");
  policy_ = std::move(policy);
}

void WeightLayer::ListMore(std::vector<NamedParameter>* parameters,
                           std::vector<NamedBuffer>* buffers) {
  policy_->List(parameters, buffers);
}

Tensor KaimingNormal(const Shape& shape, Key key) {
  Tensor t = Tensor::Empty(shape);
  const double fan_in = double(shape.count()) / double(shape[0]);
  const double sigma = std::sqrt(2.0 / fan_in);
  for (int64_t i = 0; i < t.count(); ++i) {
    t.data()[i] = float(sigma * key.Normal(uint64_t(i)));
  }
  return t;
}

Tensor FanInUniform(const Shape& shape, int64_t fan_in, Key key) {
  Tensor t = Tensor::Empty(shape);
  const double bound = 1.0 / std::sqrt(double(fan_in));
  for (int64_t i = 0; i < t.count(); ++i) {
    t.data()[i] = float(bound * (2.0 * key.Uniform(uint64_t(i)) - 1.0));
  }
  return t;
}

}  // namespace ohm::nn
