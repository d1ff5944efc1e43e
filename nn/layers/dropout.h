// Dropout: Srivastava et al. (JMLR 2014).
#pragma once

#include <string>

#include "nn/module.h"

namespace ohm::nn {

// In training, each value is zero with probability `share` (0 <= share < 1) and
// divided by 1 - share otherwise; in evaluation values pass as they are. Which
// ones drop out is a function of context.noise, `name` (unique in a network)
// and the value's index, nothing else.
class Dropout : public Module {
 public:
  Dropout(double share, std::string name);
  Var Forward(const Var& x, const Context& context) override;

 private:
  double share_;
  std::string name_;
};

}  // namespace ohm::nn
