#include "train/correction_cost.h"

#include <fmt/format.h>

#include "core/base/check.h"
#include "nn/crossbar_policy.h"
#include "train/table_print.h"

namespace ohm::train {
namespace {

double Share(int64_t part, int64_t whole) {
  return whole > 0 ? double(part) / double(whole) : 0.0;
}

}  // namespace

CorrectionCost CostOfCorrection(nn::Module* model) {
  CorrectionCost cost;
  for (const nn::CrossbarLeaf& leaf : nn::CrossbarLeaves(model)) {
    const hw::Programmed* cells = leaf.policy->written();
    OHM_CHECK(cells != nullptr, "[correction] '" + leaf.path +
                                    "': expected cells that were evaluated, "
                                    "got none");
    const int64_t weights = cells->weight_shape.count();
    const int64_t corrected = cells->correction.entries;
    cost.weights += weights;
    cost.corrected += corrected;
    cost.analog += weights * leaf.policy->pixels();
    cost.digital += corrected * leaf.policy->pixels();
  }
  return cost;
}

std::string CostText(const CorrectionCost& cost) {
  return fmt::format(
      "digital correction: {} of {} weights ({} %), {} multiply-adds per image "
      "beside {} analog ones ({} %)",
      cost.corrected, cost.weights,
      FormatPercent(Share(cost.corrected, cost.weights)), cost.digital,
      cost.analog, FormatPercent(Share(cost.digital, cost.analog)));
}

Metrics CostNumbers(const CorrectionCost& cost) {
  return {{"corrected_weights", cost.corrected},
          {"corrected_share", Share(cost.corrected, cost.weights)},
          {"digital_multiply_adds", cost.digital},
          {"analog_multiply_adds", cost.analog}};
}

}  // namespace ohm::train
