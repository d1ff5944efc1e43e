#include "train/chips.h"

#include <fmt/format.h>

#include "nn/crossbar_policy.h"
#include "train/experiment.h"
#include "train/progress.h"
#include "train/remedies.h"

namespace ohm::train {
namespace {

int64_t FaultyCells(nn::Model* model) {
  int64_t faulty = 0;
  for (const nn::CrossbarLeaf& leaf : nn::CrossbarLeaves(model)) {
    const hw::Programmed* cells = leaf.policy->written();
    if (cells != nullptr) faulty += cells->faulty_cells;
  }
  return faulty;
}

}  // namespace

void CheckOnCrossbar(const Config& config, const std::string& key) {
  if (config.on_crossbar()) return;
  ThrowAtKey(config, key,
             "expected hw.preset to be set as well, without it there are no "
             "chips; got none");
}

std::vector<ChipScore> EvaluateChips(const Config& config,
                                     const datasets::OpenedDataset& data,
                                     nn::Model* model) {
  const bool each = config.eval.calibrate == ChipRanges::kEach;
  if (!each) {
    nn::PutOnChip(model, hw::DeviceSpec{});
    CalibrateIfNeeded(config, data, model);
  }
  auto stream = EvalStream(config, data);
  NormStatistics statistics(model);
  std::vector<ChipScore> scores;
  for (int i = 0; i < config.eval.chips; ++i) {
    hw::DeviceSpec device = config.device;
    device.chip += i;
    statistics.Restore();
    if (each) {
      FitToChip(config, data, device, model);
    } else {
      nn::PutOnChip(model, device);
    }
    Progress progress(fmt::format("chip {}/{}", i + 1, config.eval.chips));
    const Score score = Evaluate(model, &stream, &progress);
    scores.push_back({device.chip, score, FaultyCells(model)});
  }
  statistics.Restore();
  for (const auto& leaf : nn::CrossbarLeaves(model)) {
    leaf.policy->set_column_gain(Tensor());
  }
  return scores;
}

std::vector<double> Top1Of(const std::vector<ChipScore>& scores) {
  std::vector<double> tops;
  for (const ChipScore& one : scores) tops.push_back(one.score.top1);
  return tops;
}

}  // namespace ohm::train
