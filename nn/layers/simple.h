// Layers without parameters: each is one op of core/ops as a module.
#pragma once

#include "core/ops/pool2d.h"
#include "nn/module.h"

namespace ohm::nn {

class ReLU : public Module {
 public:
  Var Forward(const Var& x, const Context& context) override;
};

class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(const Pool2dSpec& spec) : spec_(spec) {}
  Var Forward(const Var& x, const Context& context) override;

 private:
  Pool2dSpec spec_;
};

class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(const Pool2dSpec& spec) : spec_(spec) {}
  Var Forward(const Var& x, const Context& context) override;

 private:
  Pool2dSpec spec_;
};

// [n, h, w, c] -> [n, c].
class GlobalAvgPool2d : public Module {
 public:
  Var Forward(const Var& x, const Context& context) override;
};

// [n, h, w, c] -> [n, c * h * w], in PyTorch's order.
class Flatten : public Module {
 public:
  Var Forward(const Var& x, const Context& context) override;
};

}  // namespace ohm::nn
