#include "train/optim/table.h"

#include <utility>

#include "core/base/table.h"
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

std::vector<std::string> OptimizerNames() { return NamesOf(kOptimizers); }

std::unique_ptr<Optimizer> MakeOptimizer(const std::string& name,
                                         std::vector<ParamGroup> groups,
                                         const OptimizerOptions& options) {
  return FindRow(kOptimizers, name, "[optimizer]")
      .make(std::move(groups), options);
}

}  // namespace ohm::train
