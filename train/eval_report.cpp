#include "train/eval_report.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "core/base/check.h"
#include "hw/chip.h"
#include "train/chips.h"
#include "train/correction_cost.h"
#include "train/evaluate.h"
#include "train/experiment.h"
#include "train/progress.h"
#include "train/spread.h"
#include "train/table_print.h"

namespace ohm::train {
namespace {

Metrics ReportOnce(const Config& config, const std::string& what,
                   const datasets::OpenedDataset& data, nn::Model* model) {
  if (config.adapt.gain != hw::FitPer::kNone || config.adapt.norm_batches > 0) {
    fmt::print(
        "adapt.gain and adapt.norm_batches fit a network to chips; "
        "without --chips N nothing is fitted\n");
  }
  CalibrateIfNeeded(config, data, model);
  auto stream = EvalStream(config, data);
  Score score;
  {
    Progress progress("eval");
    score = Evaluate(model, &stream, &progress);
  }
  if (!std::isfinite(score.loss)) {
    throw NotFinite(fmt::format(
        "{}: the loss of {} images became {}; are all weights numbers?", what,
        score.images, score.loss));
  }
  fmt::print("{}: top-1 {} % of {} {} images, loss {:.4f}\n", what,
             FormatPercent(score.top1), score.images, config.eval.split,
             score.loss);
  return {{"top1", score.top1}, {"loss", score.loss}, {"images", score.images}};
}

void PrintChips(const Config& config, const std::string& what,
                const std::vector<ChipScore>& scores, const Spread& top1) {
  TextTable table({{"chip"}, {"top-1", "%"}, {"faulty cells"}});
  for (const ChipScore& one : scores) {
    table.AddRow({std::to_string(one.chip), FormatPercent(one.score.top1),
                  std::to_string(one.faulty_cells)});
  }
  fmt::print("{}\n{}: top-1 mean {} %, ", table.str(), what,
             FormatPercent(top1.mean));
  if (std::isfinite(top1.deviation)) {
    fmt::print("standard deviation {} %, ", FormatPercent(top1.deviation));
  }
  fmt::print("min {} %, max {} % over {} chip{} of {} {} images each\n",
             FormatPercent(top1.min), FormatPercent(top1.max), scores.size(),
             scores.size() == 1 ? "" : "s", scores[0].score.images,
             config.eval.split);
}

Metrics ReportChips(const Config& config, const std::string& what,
                    const datasets::OpenedDataset& data, nn::Model* model) {
  const auto scores = EvaluateChips(config, data, model);
  if (!hw::ChangesCells({config.device, Key(), false})) {
    fmt::print(
        "note: ideal devices, so all chips are the same; device keys make "
        "them differ\n");
  }
  const Spread top1 = SpreadOf(Top1Of(scores));
  PrintChips(config, what, scores, top1);
  std::vector<Metrics> list;
  double loss = 0;
  for (const ChipScore& one : scores) {
    loss += one.score.loss / double(scores.size());
    list.push_back({{"chip", one.chip},
                    {"top1", one.score.top1},
                    {"loss", one.score.loss},
                    {"faulty_cells", one.faulty_cells}});
  }
  return {{"top1", top1.mean},
          {"top1_std", top1.deviation},
          {"top1_min", top1.min},
          {"top1_max", top1.max},
          {"loss", loss},
          {"images", scores[0].score.images},
          {"chips", ToJsonList(list)}};
}

}  // namespace

Metrics ReportEval(const Config& config, const std::string& what,
                   const datasets::OpenedDataset& data, nn::Model* model) {
  const bool chips = config.eval.chips > 0;
  if (chips) CheckOnCrossbar(config, "eval.chips");
  Metrics result = chips ? ReportChips(config, what, data, model)
                         : ReportOnce(config, what, data, model);
  const bool corrects =
      config.hw.stuck_correction != hw::StuckCorrection::kNone;
  if (!config.on_crossbar() || !corrects) return result;
  const CorrectionCost cost = CostOfCorrection(model);
  fmt::print("{}{}\n", CostText(cost),
             config.eval.chips > 1 ? ", on the last chip" : "");
  const Metrics numbers = CostNumbers(cost);
  result.insert(result.end(), numbers.begin(), numbers.end());
  return result;
}

}  // namespace ohm::train
