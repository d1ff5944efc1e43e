#include "core/base/check.h"
#include "train/chips.h"
#include "train/commands/command.h"
#include "train/eval_report.h"
#include "train/experiment.h"

namespace ohm::train {

Metrics RunEval(const Config& config) {
  CheckWeights(config);
  // Before data and weights are read.
  if (config.eval.chips > 0) CheckOnCrossbar(config, "eval.chips");
  ApplyThreads(config);
  const auto data = OpenData(config, config.data.set);
  const auto model = BuildModel(config, data.classes);
  const std::string what = config.model.name + " on " + config.data.set +
                           (config.on_crossbar() ? ", on crossbars" : "");
  Metrics result{{"command", std::string("eval")}};
  const Metrics scores = ReportEval(config, what, data, model.get());
  result.insert(result.end(), scores.begin(), scores.end());
  return result;
}

}  // namespace ohm::train
