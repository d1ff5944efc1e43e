#pragma once

#include "train/optim/optimizer.h"

namespace ohm::train {

// Stochastic gradient descent as torch.optim.SGD (dampening 0):
//   g += decay * p;  m = momentum * m + g;
//   p -= lr * (nesterov ? g + momentum * m : m)
// Slot: "momentum", none when momentum is 0.
class Sgd : public Optimizer {
 public:
  // Reads momentum and nesterov.
  Sgd(std::vector<ParamGroup> groups, const OptimizerOptions& options);

 protected:
  void Apply(const Update& update) override;

 private:
  float momentum_;
  bool nesterov_;
};

}  // namespace ohm::train
