#include "nn/policy.h"

#include "core/ops/conv2d.h"
#include "core/ops/linear.h"

namespace ohm::nn {
namespace {

class Digital : public Policy {
 public:
  Var Conv2d(const Var& x, const Var& w, const Var& bias,
             const Conv2dSpec& spec, const Context& /*context*/) override {
    return ohm::Conv2d(x, w, bias, spec);
  }
  Var Linear(const Var& x, const Var& w, const Var& bias,
             const Context& /*context*/) override {
    return ohm::Linear(x, w, bias);
  }
};

}  // namespace

void Policy::WeightsReplaced(const Shape& /*weights*/) {}

void Policy::List(std::vector<NamedParameter>* /*parameters*/,
                  std::vector<NamedBuffer>* /*buffers*/) {}

std::shared_ptr<Policy> DigitalPolicy() {
  static const auto policy = std::make_shared<Digital>();
  return policy;
}

}  // namespace ohm::nn
