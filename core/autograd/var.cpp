#include "core/autograd/var.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/base/check.h"
#include "core/kernels/elementwise.h"

namespace ohm {
namespace {

thread_local bool g_recording = true;

void Accumulate(Tensor* into, Tensor grad) {
  if (!into->defined()) {
    *into = std::move(grad);
  } else if (into->unique()) {
    kernels::AddInPlace(into, grad);
  } else {  // shared, for example by both inputs of an add: leave it alone
    *into = kernels::Add(*into, grad);
  }
}

void CheckGradient(const Node& node, size_t input, const Tensor& grad) {
  const Tensor& value = node.inputs[input].value();
  OHM_CHECK(grad.shape() == value.shape() && grad.dtype() == value.dtype(),
            "[backward] '" + node.op + "' input " + std::to_string(input) +
                ": expected a gradient " + NameOf(value.dtype()) + " " +
                value.shape().str() + ", got " + NameOf(grad.dtype()) + " " +
                grad.shape().str());
}

}  // namespace

Var::Var(Tensor value, bool requires_grad) : state_(std::make_shared<State>()) {
  state_->value = std::move(value);
  state_->requires_grad = requires_grad;
}

void Var::set_requires_grad(bool on) {
  OHM_CHECK(is_leaf(),
            "[autograd] only a leaf can be frozen or unfrozen; "
            "this value is the output of '" +
                state_->node->op + "'");
  state_->requires_grad = on;
}

NoGrad::NoGrad() : before_(std::exchange(g_recording, false)) {}
NoGrad::~NoGrad() { g_recording = before_; }

bool WillRecord(std::span<const Var> inputs) {
  return g_recording && std::ranges::any_of(inputs, [](const Var& input) {
           return input.defined() && input.requires_grad();
         });
}

Var Record(std::string op, Tensor value, std::vector<Var> inputs,
           GradientRule rule) {
  Var output(std::move(value));
  if (!WillRecord(inputs)) return output;
  output.state_->requires_grad = true;
  output.state_->node = std::make_shared<Node>(
      Node{std::move(op), std::move(inputs), std::move(rule)});
  return output;
}

// Values that `output` depends on and that want a gradient, each after all that
// it depends on. Without recursion: deep networks must not exhaust the stack.
std::vector<std::shared_ptr<Var::State>> Var::Postorder(const Var& output) {
  std::vector<std::shared_ptr<State>> order;
  std::unordered_set<State*> seen{output.state_.get()};
  std::vector<std::pair<std::shared_ptr<State>, size_t>> stack{
      {output.state_, 0}};
  while (!stack.empty()) {
    auto& [state, next] = stack.back();
    if (state->node == nullptr || next == state->node->inputs.size()) {
      order.push_back(std::move(state));
      stack.pop_back();
      continue;
    }
    const Var& input = state->node->inputs[next++];
    if (!input.defined() || !input.requires_grad()) continue;
    if (seen.insert(input.state_.get()).second) {
      stack.emplace_back(input.state_, 0);
    }
  }
  return order;
}

// Hands the gradient of one value on to the inputs it was computed from, and
// lets go of all that its op had saved.
void Var::PassOn(State* state) {
  Node& node = *state->node;
  OHM_CHECK(node.rule != nullptr,
            "[backward] the graph of '" + node.op + "' was already consumed");
  std::vector<char> needs;
  for (const Var& input : node.inputs) {
    needs.push_back(input.defined() && input.requires_grad() ? 1 : 0);
  }
  BackwardCall call{std::exchange(state->grad, Tensor()), needs};
  std::vector<Tensor> grads = node.rule(call);
  OHM_CHECK(grads.size() == node.inputs.size(),
            "[backward] '" + node.op + "' returned " +
                std::to_string(grads.size()) + " gradients for " +
                std::to_string(node.inputs.size()) + " inputs");
  node.rule = nullptr;
  call.grad_out = Tensor();  // before additions look who shares its storage
  for (size_t i = 0; i < grads.size(); ++i) {
    if (needs[i] == 0) continue;
    CheckGradient(node, i, grads[i]);
    Accumulate(&node.inputs[i].state_->grad, std::move(grads[i]));
  }
  node.inputs.clear();
}

void Backward(const Var& output, Tensor seed) {
  OHM_CHECK(output.defined() && output.requires_grad(),
            "[backward] nothing to do: the output depends on no value that "
            "requires a gradient");
  if (!seed.defined()) {
    OHM_CHECK(output.value().count() == 1,
              "[backward] expected one element or a seed, got " +
                  output.shape().str());
    seed = kernels::Cast(Tensor::Full(output.shape(), 1.0F),
                         output.value().dtype());
  }
  OHM_CHECK(
      seed.shape() == output.shape() && seed.dtype() == output.value().dtype(),
      std::string("[backward] expected a seed of shape ") +
          output.shape().str() + " and type " + NameOf(output.value().dtype()) +
          ", got " + seed.shape().str() + " and " + NameOf(seed.dtype()));
  auto order = Var::Postorder(output);
  Accumulate(&output.state_->grad, std::move(seed));
  // From the output backwards; a value that nobody else holds goes as soon as
  // its gradient has been passed on.
  for (; !order.empty(); order.pop_back()) {
    if (order.back()->node != nullptr) Var::PassOn(order.back().get());
  }
}

}  // namespace ohm
