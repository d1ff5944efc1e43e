#include "train/optim/table.h"

#include <utility>

#include "core/base/check.h"
#include "train/optim/adam.h"
#include "train/optim/sgd.h"

namespace ohm::train {
namespace {

template <typename T>
std::unique_ptr<Optimizer> Make(std::vector<ParamGroup> groups,
                                const OptimizerOptions& options) {
  return std::make_unique<T>(std::move(groups), options);
}

struct OptimizerRow {
  const char* name;
  std::unique_ptr<Optimizer> (*make)(std::vector<ParamGroup>,
                                     const OptimizerOptions&);
};

constexpr OptimizerRow kOptimizers[] = {
    {"sgd", Make<Sgd>},
    {"adam", Make<Adam>},
};

}  // namespace

std::vector<std::string> OptimizerNames() {
  std::vector<std::string> names;
  for (const OptimizerRow& row : kOptimizers) names.emplace_back(row.name);
  return names;
}

std::unique_ptr<Optimizer> MakeOptimizer(const std::string& name,
                                         std::vector<ParamGroup> groups,
                                         const OptimizerOptions& options) {
  for (const OptimizerRow& row : kOptimizers) {
    if (row.name == name) return row.make(std::move(groups), options);
  }
  std::string known;
  for (const OptimizerRow& row : kOptimizers) {
    known += std::string(known.empty() ? "" : ", ") + row.name;
  }
  ThrowError("[optimizer] expected one of " + known + ", got '" + name + "'");
}

}  // namespace ohm::train
