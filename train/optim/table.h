// All optimisers, by the name configs use.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "train/optim/optimizer.h"

namespace ohm::train {

std::vector<std::string> OptimizerNames();

// Error for an unknown name (with the known ones) and for options out of range.
std::unique_ptr<Optimizer> MakeOptimizer(const std::string& name,
                                         std::vector<ParamGroup> groups,
                                         const OptimizerOptions& options);

}  // namespace ohm::train
