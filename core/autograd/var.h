// Reverse-mode automatic differentiation, small enough to read in one sitting.
//
// A Var is a shared handle to a value and, after Backward, its gradient. An op
// computes its output with kernels and calls Record(), which remembers how to
// turn the output's gradient into the inputs'. Backward(loss) walks the record
// once, newest first, and frees each step's saved tensors as soon as they have
// been used.
//
// Values are f32 or bf16 and a gradient has its value's type. An op follows the
// type of its images: give the network bf16 images, and activations and their
// gradients are bf16 throughout, while parameters, their gradients, statistics
// and the loss stay f32.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/tensor/tensor.h"

namespace ohm {

class Var;

// What a gradient rule receives: the gradient of the op's output, and which
// inputs need one. A rule may move grad_out away and, where nothing else shares
// its storage (Tensor::unique), write a gradient over it.
struct BackwardCall {
  Tensor grad_out;
  std::span<const char> needs;  // one flag per input

  bool Needs(size_t input) const { return needs[input] != 0; }
};

// Returns one tensor per input, shaped and typed like that input; undefined
// where `needs` is false. May return `grad_out` itself.
using GradientRule = std::function<std::vector<Tensor>(BackwardCall&)>;

struct Node {
  std::string op;
  std::vector<Var> inputs;
  GradientRule rule;
};

class Var {
 public:
  Var() = default;  // refers to nothing; defined() is false
  explicit Var(Tensor value, bool requires_grad = false);

  bool defined() const { return state_ != nullptr; }
  const Tensor& value() const { return state_->value; }
  Tensor& mutable_value() { return state_->value; }
  const Shape& shape() const { return value().shape(); }

  // True for leaves that want a gradient and for everything computed from one.
  bool requires_grad() const { return state_->requires_grad; }
  void set_requires_grad(bool on);  // leaves only
  bool is_leaf() const { return state_->node == nullptr; }

  // Sum of all gradients since the last ClearGrad; undefined before the first.
  const Tensor& grad() const { return state_->grad; }
  Tensor& mutable_grad() { return state_->grad; }
  void ClearGrad() { state_->grad = Tensor(); }

  // Same value, no history.
  Var Detach() const { return Var(value()); }

 private:
  friend Var Record(std::string op, Tensor value, std::vector<Var> inputs,
                    GradientRule rule);
  friend void Backward(const Var& output, Tensor seed);

  struct State {
    Tensor value;
    Tensor grad;
    bool requires_grad = false;
    std::shared_ptr<Node> node;
  };
  static std::vector<std::shared_ptr<State>> Postorder(const Var& output);
  static void PassOn(State* state);

  std::shared_ptr<State> state_;
};

// The output of an op. The rule (and all it has captured) is dropped at once
// when no input requires a gradient or recording is off.
Var Record(std::string op, Tensor value, std::vector<Var> inputs,
           GradientRule rule);

// Adds d(output)/d(leaf) * seed to the gradient of every leaf that requires
// one. `seed` defaults to 1 for a one-element output. The record is consumed:
// a second Backward over the same graph is an error. Gradients accumulate over
// several graphs until ClearGrad.
void Backward(const Var& output, Tensor seed = Tensor());

// While one of these lives, ops on this thread record nothing (evaluation).
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

// Whether an op with these inputs will be recorded. Ops may skip what only
// backward needs (a workspace, a mask) where it is false.
bool WillRecord(std::span<const Var> inputs);

}  // namespace ohm
