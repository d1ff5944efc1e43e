// Children one after the other, and a residual block around them.
#pragma once

#include <string>

#include "nn/module.h"

namespace ohm::nn {

// A ReLU right behind a BatchNorm2d is computed in one pass with it.
class Sequential : public Module {
 public:
  // Children are named "0", "1", ... unless a name is given.
  template <typename M>
  M* Add(std::unique_ptr<M> child) {
    return Add(std::to_string(order_.size()), std::move(child));
  }
  template <typename M>
  M* Add(std::string name, std::unique_ptr<M> child) {
    M* raw = AddChild(std::move(name), std::move(child));
    order_.push_back(raw);
    return raw;
  }
  Var Forward(const Var& x, const Context& context) override;

 private:
  std::vector<Module*> order_;
};

// x + body(x); the body must keep the shape.
class ResidualAdd : public Module {
 public:
  explicit ResidualAdd(std::unique_ptr<Module> body)
      : body_(AddChild("body", std::move(body))) {}
  Var Forward(const Var& x, const Context& context) override;

 private:
  Module* body_;
};

}  // namespace ohm::nn
