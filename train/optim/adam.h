#pragma once

#include "train/optim/optimizer.h"

namespace ohm::train {

// Adam as torch.optim.Adam (or AdamW with decoupled_decay), bias-corrected;
// Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
// Slots: "exp_avg", "exp_avg_sq", and "steps" (s32 scalar, per parameter, as a
// parameter without gradient is not stepped).
class Adam : public Optimizer {
 public:
  // Reads beta1, beta2, epsilon and decoupled_decay.
  Adam(std::vector<ParamGroup> groups, const OptimizerOptions& options);

 protected:
  void Apply(const Update& update) override;

 private:
  OptimizerOptions options_;
};

}  // namespace ohm::train
