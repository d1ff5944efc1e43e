#include "nn/layers/simple.h"

#include "core/ops/flatten.h"
#include "core/ops/relu.h"

namespace ohm::nn {

Var ReLU::Forward(const Var& x, const Context& /*context*/) { return Relu(x); }

Var MaxPool2d::Forward(const Var& x, const Context& /*context*/) {
  return Pool2d(x, kernels::PoolKind::kMax, spec_);
}

Var AvgPool2d::Forward(const Var& x, const Context& /*context*/) {
  return Pool2d(x, kernels::PoolKind::kAverage, spec_);
}

Var GlobalAvgPool2d::Forward(const Var& x, const Context& /*context*/) {
  return GlobalAveragePool2d(x);
}

Var Flatten::Forward(const Var& x, const Context& /*context*/) {
  return ohm::Flatten(x);
}

}  // namespace ohm::nn
