// How a leaf computes with its weights: digitally, or on a crossbar. Layers
// hold a policy and know nothing else of hardware; the policy is replaced from
// outside (nn/crossbar_policy.h).
#pragma once

#include <memory>
#include <vector>

#include "core/kernels/conv_spec.h"
#include "nn/module.h"

namespace ohm::nn {

class Policy {
 public:
  virtual ~Policy() = default;

  // Shapes as in core/ops/conv2d.h and core/ops/linear.h; bias may be
  // undefined.
  virtual Var Conv2d(const Var& x, const Var& w, const Var& bias,
                     const Conv2dSpec& spec, const Context& context) = 0;
  virtual Var Linear(const Var& x, const Var& w, const Var& bias,
                     const Context& context) = 0;

  // The leaf got other weights, perhaps of another shape: what was measured
  // with the old ones is forgotten. The default measures nothing.
  virtual void WeightsReplaced(const Shape& weights);

  // State of the policy that belongs into checkpoints and optimisers (converter
  // ranges, masks), with names relative to the leaf. The default has none.
  virtual void List(std::vector<NamedParameter>* parameters,
                    std::vector<NamedBuffer>* buffers);
};

// The digital policy: core/ops on float weights. Shared by all leaves.
std::shared_ptr<Policy> DigitalPolicy();

}  // namespace ohm::nn
