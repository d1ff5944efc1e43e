#include "train/tasks/mask_options.h"

#include <algorithm>
#include <string>

#include "core/base/check.h"
#include "hw/slicing.h"

namespace ohm::train {
namespace {

// The method's mask on a layer of one weight, to be asked what it is. Requires
// a method that has one; Error where it does not take the config's options.
std::unique_ptr<nn::Mask> TrialMask(const Config& config,
                                    const MethodRow& method) {
  nn::MaskedLayer layer;
  layer.weights = Tensor::Full({1, 1, 1, 1}, 1.0F);
  layer.map = hw::TileMap(hw::MatrixOf(layer.weights.shape(), 1), config.hw);
  layer.largest = hw::LargestWeight(config.hw);
  layer.range = 1;
  return nn::FindMask(method.mask).make(layer, MaskOptionsOf(config.tasks));
}

bool HasMask(const MethodRow& method) { return method.mask[0] != '\0'; }

}  // namespace

nn::MaskOptions MaskOptionsOf(const TasksOptions& tasks) {
  nn::MaskOptions options;
  options.cut = {float(tasks.mask_threshold), tasks.estimator};
  options.init = float(tasks.mask_init);
  options.levels = {tasks.shift_min, tasks.shift_max, tasks.shift_zero};
  options.scale_bits = tasks.scale_bits;
  options.pe_rows = tasks.pes.pe_rows;
  options.pe_columns = tasks.pes.pe_columns;
  options.factors = tasks.pes.factors;
  options.one_cell = tasks.pes.rewrite == "cell";
  return options;
}

void CheckMaskOptions(const Config& config, const MethodRow& method) {
  if (!HasMask(method)) return;
  try {
    TrialMask(config, method);
  } catch (const Error& error) {
    ThrowAtKey(config, "tasks.methods",
               std::string("expected options that ") + method.name +
                   " takes; " + error.what());
  }
}

bool MayTrain(const Config& config, const MethodRow& method, nn::Role role) {
  if (method.selects) return true;
  if (!HasMask(method)) return false;
  try {
    return std::ranges::any_of(TrialMask(config, method)->Parameters(),
                               [&](const auto& p) { return p.role == role; });
  } catch (const Error&) {
    return true;  // CheckTask says why
  }
}

}  // namespace ohm::train
