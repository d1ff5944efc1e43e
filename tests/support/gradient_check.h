// Gradients against finite differences.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/autograd/var.h"
#include "core/base/random.h"

namespace ohm::test {

// A tensor of normal numbers.
Tensor RandomTensor(const Shape& shape, Key key);

// Evenly spaced numbers between -2 and 2.5 in random order: no two are close
// and none is close to zero, so that small steps cross no kink of a maximum or
// a rectifier.
Tensor SpreadTensor(const Shape& shape, Key key);

// Largest |a - b| / (1 + |b|).
double MaxError(const Tensor& a, const Tensor& b);

// Checks d<f(inputs), u>/d(input) for a random cotangent u: along `directions`
// random directions per input, the central difference (sums in double, several
// step sizes, the best one counts) must meet the gradient to `tolerance`
// relative to the size of both. Also checks that gradients accumulate (a second
// pass doubles them) and that an input that needs none gets none. Returns an
// empty string, or what went wrong.
struct GradientCheck {
  int directions = 4;
  double tolerance = 2e-3;
};
std::string CheckGradients(const std::function<Var(const std::vector<Var>&)>& f,
                           const std::vector<Tensor>& inputs, Key key,
                           const GradientCheck& options = {});

}  // namespace ohm::test
