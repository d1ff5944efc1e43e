// What all layers with a weight matrix share: the weights, the bias, and the
// policy that computes with them.
#pragma once

#include <memory>

#include "nn/module.h"
#include "nn/policy.h"

namespace ohm::nn {

class WeightLayer : public Module {
 public:
  const Var& weight() const { return weight_; }
  const Var& bias() const { return bias_; }  // undefined if there is none

  Policy& policy() { return *policy_; }
  // Not null. Everything the old policy held (masks, ranges) goes with it.
  void set_policy(std::shared_ptr<Policy> policy);

 protected:
  // `bias` may be undefined.
  WeightLayer(Role role, Tensor weight, Tensor bias);
  void ListMore(std::vector<NamedParameter>* parameters,
                std::vector<NamedBuffer>* buffers) override;

  Var weight_, bias_;
  std::shared_ptr<Policy> policy_ = DigitalPolicy();
};

// He et al., "Delving deep into rectifiers" (ICCV 2015): normal with variance
// 2 / fan_in; the fan-in is everything but the first axis.
Tensor KaimingNormal(const Shape& shape, Key key);
// Uniform in +-1/sqrt(fan_in), PyTorch's default for linear layers.
Tensor FanInUniform(const Shape& shape, int64_t fan_in, Key key);

}  // namespace ohm::nn
