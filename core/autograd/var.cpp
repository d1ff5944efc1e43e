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

void Backward(const Var& output, Tensor seed) {
  using State = Var::State;
  OHM_CHECK(output.defined() && output.requires_grad(),
            "[backward] nothing to do: the output depends on no value that "
            "requires a gradient");
  if (!seed.defined()) {
    OHM_CHECK(output.value().count() == 1,
              "[backward] expected one element or a seed, got " +
                  output.shape().str());
    seed = Tensor::Full(output.shape(), 1.0F);
  }
  OHM_CHECK(seed.shape() == output.shape(),
            "[backward] expected a seed of shape " + output.shape().str() +
                ", got " + seed.shape().str());

  // Postorder without recursion: deep networks must not exhaust the stack.
  std::vector<State*> order;
  std::unordered_set<State*> seen{output.state_.get()};
  std::vector<std::pair<State*, size_t>> stack{{output.state_.get(), 0}};
  while (!stack.empty()) {
    auto& [state, next] = stack.back();
    if (state->node == nullptr || next == state->node->inputs.size()) {
      order.push_back(state);
      stack.pop_back();
      continue;
    }
    const Var& input = state->node->inputs[next++];
    if (!input.defined() || !input.requires_grad()) continue;
    if (seen.insert(input.state_.get()).second) {
      stack.emplace_back(input.state_.get(), 0);
    }
  }

  // Keeps every visited value alive while its consumers' nodes are dropped.
  std::vector<std::shared_ptr<Node>> alive;
  Accumulate(&output.state_->grad, std::move(seed));
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    State& state = **it;
    if (state.node == nullptr) continue;
    Node& node = *state.node;
    OHM_CHECK(node.rule != nullptr,
              "[backward] the graph of '" + node.op + "' was already consumed");
    std::vector<char> needs;
    for (const Var& input : node.inputs) {
      needs.push_back(input.defined() && input.requires_grad() ? 1 : 0);
    }
    const Tensor grad_out = std::exchange(state.grad, Tensor());
    std::vector<Tensor> grads = node.rule({grad_out, needs});
    OHM_CHECK(grads.size() == node.inputs.size(),
              "[backward] '" + node.op + "' returned " +
                  std::to_string(grads.size()) + " gradients for " +
                  std::to_string(node.inputs.size()) + " inputs");
    node.rule = nullptr;  // releases the saved tensors
    for (size_t i = 0; i < grads.size(); ++i) {
      if (needs[i] == 0) continue;
      OHM_CHECK(grads[i].shape() == node.inputs[i].shape(),
                "[backward] '" + node.op + "' input " + std::to_string(i) +
                    ": expected a gradient of shape " +
                    node.inputs[i].shape().str() + ", got " +
                    grads[i].shape().str());
      Accumulate(&node.inputs[i].state_->grad, std::move(grads[i]));
    }
    alive.push_back(state.node);
  }
}

}  // namespace ohm
