#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "nn/crossbar_policy.h"
#include "train/chips.h"
#include "train/commands/command.h"
#include "train/experiment.h"
#include "train/remedies.h"
#include "train/spread.h"
#include "train/table_print.h"
#include "train/trainers/backbone.h"

namespace ohm::train {
namespace {

// The shifts that the chip's sums show go into training (NIA).
void InjectShifts(const Config& config, const datasets::OpenedDataset& data,
                  nn::Model* model) {
  CalibrateIfNeeded(config, data, model);
  const auto profiles = ProfileShifts(config, data, config.device, model);
  TextTable table({{"layer"},
                   {"shift", "% of the sums"},
                   {"left by the fit", "% of the sums"}});
  size_t i = 0;
  for (const nn::CrossbarLeaf& leaf : nn::CrossbarLeaves(model)) {
    const hw::ShiftProfile& profile = profiles[i++];
    const hw::ShiftFit fit =
        profile.Fit(config.adapt.inject, config.adapt.inject_fit);
    table.AddRow({leaf.path, fmt::format("{:.2f}", 100 * profile.Shift()),
                  fmt::format("{:.2f}", 100 * profile.LeftBy(fit))});
    leaf.policy->set_injection(fit);
  }
  fmt::print("{}", table.str());
}

Spread OverChips(const Config& config, const datasets::OpenedDataset& data,
                 nn::Model* model) {
  Config chips = config;
  chips.eval.chips = std::max(1, config.eval.chips);
  return SpreadOf(Top1Of(EvaluateChips(chips, data, model)));
}

// The same weights on the same chips without any remedy.
Spread Naive(const Config& config, const datasets::OpenedDataset& data) {
  Config naive = config;
  naive.adapt = {};
  naive.hw.predistort = 0;
  naive.hw.headroom = 0;
  naive.hw.stuck_correction = hw::StuckCorrection::kNone;
  return OverChips(naive, data, BuildModel(naive, data.classes).get());
}

bool AnyRemedy(const Config& config) {
  const AdaptOptions& adapt = config.adapt;
  const bool fits = adapt.inject != hw::FitPer::kNone ||
                    adapt.gain != hw::FitPer::kNone || adapt.norm_batches > 0;
  const bool writes = config.hw.predistort > 0 || config.hw.headroom > 0 ||
                      config.hw.stuck_correction != hw::StuckCorrection::kNone;
  return fits || writes || adapt.epochs > 0;
}

}  // namespace

Metrics RunAdapt(const Config& config) {
  CheckOnCrossbar(config, "adapt");
  CheckWeights(config);
  CheckWeightsStay(config, config.run.dir);
  if (!AnyRemedy(config)) {
    fmt::print(
        "no remedy is set (adapt.inject, gain, norm_batches, in_loop, epochs; "
        "hw.predistort, headroom, stuck_correction): both columns will be "
        "alike\n");
  }
  ApplyThreads(config);
  const RunFolder folder(config.run.dir);
  const FolderLock lock = folder.Lock();
  folder.CheckNoTables();
  const auto data = OpenData(config, config.data.set);
  const auto model = BuildModel(config, data.classes);
  Config training = config;
  training.train.epochs = std::max(1, config.adapt.epochs);
  if (config.adapt.epochs > 0) CheckTraining(training, data, folder);
  const bool resumes = config.train.resume && config.adapt.epochs > 0 &&
                       std::filesystem::exists(folder.state());
  if (!resumes) folder.SetAside();
  folder.WriteConfig(ResolvedToml(config));
  const Spread naive = Naive(config, data);

  const hw::DeviceSpec trained_on =
      config.adapt.in_loop ? config.device : hw::DeviceSpec{};
  nn::PutOnChip(model.get(), trained_on);
  // Ranges that came with the weights stay where the chips are to have them,
  // as the naive ones do.
  const bool keeps =
      config.eval.calibrate == ChipRanges::kOnce && config.adapt.epochs == 0;
  if (!keeps) nn::ClearCalibration(model.get());
  if (config.adapt.inject != hw::FitPer::kNone) {
    InjectShifts(config, data, model.get());
  }
  double seconds = 0;
  if (config.adapt.epochs > 0) {
    seconds = TrainBackbone(training, data, model.get(), folder).seconds;
  }
  const Spread adapted = OverChips(config, data, model.get());

  TextTable table(
      {{"chips"}, {"naive", "%, ± std (min)"}, {"adapted", "%, ± std (min)"}});
  table.AddRow({std::to_string(std::max(1, config.eval.chips)),
                FormatSpread(naive), FormatSpread(adapted)});
  fmt::print("{}left in {}\n", table.str(), folder.path().string());
  return {{"command", std::string("adapt")},        {"naive_top1", naive.mean},
          {"naive_std", naive.deviation},           {"top1", adapted.mean},
          {"top1_std", adapted.deviation},          {"top1_min", adapted.min},
          {"epochs", int64_t(config.adapt.epochs)}, {"seconds", seconds},
          {"run_dir", folder.path().string()}};
}

}  // namespace ohm::train
