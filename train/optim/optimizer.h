// Optimisers: parameter groups, one fused pass per parameter, state that can
// be saved under readable names.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nn/module.h"

namespace ohm::train {

// Parameters that are stepped alike.
struct ParamGroup {
  std::string name;
  std::vector<nn::NamedParameter> parameters;
  double lr_scale = 1;      // times the rate given to Step; >= 0
  double weight_decay = 0;  // >= 0
};

// Options of all optimisers; each reads its own.
struct OptimizerOptions {
  // sgd
  double momentum = 0.9;  // 0 <= momentum < 1
  bool nesterov = false;  // needs momentum > 0
  // adam
  double beta1 = 0.9;  // 0 <= beta < 1
  double beta2 = 0.999;
  double epsilon = 1e-8;         // > 0
  bool decoupled_decay = false;  // true: AdamW
};

// One tensor of state that belongs to one parameter. `tensor` points into the
// optimiser. Its shape is the parameter's, or a scalar (s32) for counts.
struct OptimizerSlot {
  std::string slot;       // "momentum"
  std::string parameter;  // dotted name
  nn::Role role;
  Tensor* tensor;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // Changes every parameter that has a gradient; the others, and their state,
  // stay as they are. lr >= 0. Same bits for every thread count.
  void Step(double lr);
  // Of all parameters in all groups.
  void ClearGrads();
  // In the order of the groups; the same for the same groups.
  std::vector<OptimizerSlot> State();
  const std::vector<ParamGroup>& groups() const { return groups_; }

 protected:
  // One parameter being stepped.
  struct Update {
    float* value;
    const float* grad;
    std::vector<Tensor>* slots;  // in the order of `slot_names`
    int64_t count;
    double lr;  // with the group's scale
    double weight_decay;
  };

  // Error for an undefined, non-f32 or repeated parameter and for options out
  // of range. `counts`: also keep a step count per parameter, as last slot.
  Optimizer(std::vector<ParamGroup> groups, std::vector<std::string> slot_names,
            bool counts);

  virtual void Apply(const Update& update) = 0;

 private:
  std::vector<ParamGroup> groups_;
  std::vector<std::string> slot_names_;
  std::vector<std::vector<Tensor>> slots_;  // [parameter over groups][slot]
};

// Which parameters go together: the first rule that matches takes a parameter;
// parameters no rule matches are in no group.
struct GroupRule {
  std::string name;
  std::function<bool(const nn::NamedParameter&)> matches;
  double lr_scale = 1;
  double weight_decay = 0;
};
// One group per rule that got any parameter, in the rules' order.
std::vector<ParamGroup> GroupParameters(
    const std::vector<nn::NamedParameter>& parameters,
    const std::vector<GroupRule>& rules);

// Two groups: "decay" and "no_decay". Biases and the scale and shift of
// normalisations decay only if `decay_norm_and_bias`; masks never do.
std::vector<ParamGroup> DecayGroups(
    const std::vector<nn::NamedParameter>& parameters, double weight_decay,
    bool decay_norm_and_bias);

// Scales all gradients so that their common L2 norm is at most max_norm (> 0).
// Returns the norm before; gradients are untouched if it is not finite.
double ClipGradNorm(const std::vector<nn::NamedParameter>& parameters,
                    double max_norm);

}  // namespace ohm::train
