// One row or more per op of core/ops: an example and its naive twin.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/autograd/var.h"

namespace ohm::test {

struct OpRow {
  std::string op;       // the file core/ops/<op>.h
  std::string variant;  // what this row is about
  std::vector<Shape> inputs;
  std::function<Var(const std::vector<Var>&)> run;
  std::function<Tensor(const std::vector<Tensor>&)> reference;
  // Inputs that may be bf16; the others are parameters, always f32.
  std::vector<size_t> images = {0};
};

const std::vector<OpRow>& OpTable();

}  // namespace ohm::test
