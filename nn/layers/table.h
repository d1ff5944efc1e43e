// All layers, with one small example of each: what the tests run through
// gradient checks and save/load, and what `ohmgrad list` prints.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "nn/module.h"

namespace ohm::nn {

struct LayerRow {
  const char* name;
  const char* help;
  Shape example_input;
  std::function<std::unique_ptr<Module>(Key)> make_example;
};

const std::vector<LayerRow>& LayerTable();

}  // namespace ohm::nn
