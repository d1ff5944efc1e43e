#include "tests/support/gradient_check.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tests/support/worse.h"

namespace ohm::test {
namespace {

double Dot(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.count(); ++i) {
    sum += double(a.data()[i]) * double(b.data()[i]);
  }
  return sum;
}

Tensor Moved(const Tensor& x, const Tensor& direction, float step) {
  Tensor y = x.Clone();
  for (int64_t i = 0; i < y.count(); ++i) {
    y.data()[i] += step * direction.data()[i];
  }
  return y;
}

using Function = std::function<Var(const std::vector<Var>&)>;

std::vector<Var> Leaves(const std::vector<Tensor>& values, bool need) {
  std::vector<Var> leaves;
  for (const Tensor& value : values) leaves.emplace_back(value.Clone(), need);
  return leaves;
}

// The error of `slope` against central differences along `direction`.
double SlopeError(const Function& f, const std::vector<Tensor>& inputs,
                  size_t which, const Tensor& direction, const Tensor& u,
                  const Tensor& grad) {
  const double slope = Dot(grad, direction);
  double best = 1e30;
  for (const float step : {1e-1F, 3e-2F, 1e-2F, 3e-3F, 1e-3F, 3e-4F, 1e-4F}) {
    double value[2];
    for (const int side : {0, 1}) {
      auto moved = inputs;
      moved[which] = Moved(inputs[which], direction, side == 0 ? -step : step);
      value[side] = Dot(f(Leaves(moved, false)).value(), u);
    }
    const double difference = (value[1] - value[0]) / (2.0 * double(step));
    // Along a random normal direction the slope's deviation is |grad|: a slope
    // that happens to be near zero is judged by that.
    const double scale = std::max({0.1 * std::sqrt(Dot(grad, grad)),
                                   std::abs(difference), std::abs(slope)});
    best = std::min(best, std::abs(difference - slope) / scale);
  }
  return best;
}

// Whatever is frozen, the others get the gradients that they get without.
std::string CheckNeeds(const Function& f, const std::vector<Tensor>& inputs,
                       const std::vector<Tensor>& grads, const Tensor& u) {
  for (size_t frozen = 1; frozen + 1 < (size_t{1} << inputs.size()); ++frozen) {
    const auto is_frozen = [&](size_t i) { return (frozen >> i & 1) != 0; };
    auto leaves = Leaves(inputs, true);
    for (size_t i = 0; i < inputs.size(); ++i) {
      leaves[i].set_requires_grad(!is_frozen(i));
    }
    Backward(f(leaves), u.Clone());
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (is_frozen(i) && leaves[i].grad().defined()) {
        return "input " + std::to_string(i) + " got a gradient it did not need";
      }
      const Tensor& grad = leaves[i].grad();
      if (!is_frozen(i) &&
          (!grad.defined() || MaxError(grad, grads[i]) > 1e-5)) {
        return "input " + std::to_string(i) +
               " got another gradient because others are frozen (set " +
               std::to_string(frozen) + ")";
      }
    }
  }
  return "";
}

}  // namespace

Tensor RandomTensor(const Shape& shape, Key key) {
  Tensor t = Tensor::Empty(shape);
  for (int64_t i = 0; i < t.count(); ++i) {
    t.data()[i] = float(key.Normal(uint64_t(i)));
  }
  return t;
}

Tensor SpreadTensor(const Shape& shape, Key key) {
  Tensor t = Tensor::Empty(shape);
  const int64_t n = t.count();
  for (int64_t i = 0; i < n; ++i) {
    t.data()[i] = float(4.5 * (double(i) + 0.5) / double(n) - 2.0);
  }
  for (int64_t i = n - 1; i > 0; --i) {  // Fisher-Yates
    const auto j = int64_t(key.Below(uint64_t(i), uint64_t(i) + 1));
    std::swap(t.data()[i], t.data()[j]);
  }
  return t;
}

double MaxError(const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape())) return 1e30;
  double worst = 0;
  for (int64_t i = 0; i < a.count(); ++i) {
    const double difference =
        std::abs(double(a.data()[i]) - double(b.data()[i])) /
        (1.0 + std::abs(double(b.data()[i])));
    worst = Worse(worst, difference);
  }
  return worst;
}

std::string CheckGradients(const Function& f, const std::vector<Tensor>& inputs,
                           Key key, const GradientCheck& options) {
  auto leaves = Leaves(inputs, true);
  const Tensor u = RandomTensor(f(leaves).shape(), key.Child("cotangent"));
  Backward(f(leaves), u.Clone());
  std::vector<Tensor> grads;
  for (const Var& leaf : leaves) {
    if (!leaf.grad().defined()) return "an input got no gradient";
    grads.push_back(leaf.grad().Clone());
  }
  Backward(f(leaves), u.Clone());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (MaxError(leaves[i].grad(), Moved(grads[i], grads[i], 1.0F)) > 1e-5) {
      return "input " + std::to_string(i) + ": gradients do not accumulate";
    }
    for (int d = 0; d < options.directions; ++d) {
      const Tensor direction =
          RandomTensor(inputs[i].shape(), key.Child(i).Child(uint64_t(d)));
      const double error = SlopeError(f, inputs, i, direction, u, grads[i]);
      if (!(error <= options.tolerance)) {
        return "input " + std::to_string(i) + ": gradient is off by " +
               std::to_string(error) + " (relative), allowed " +
               std::to_string(options.tolerance);
      }
    }
  }
  return CheckNeeds(f, inputs, grads, u);
}

}  // namespace ohm::test
