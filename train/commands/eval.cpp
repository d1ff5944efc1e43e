#include <fmt/format.h>

#include "core/base/check.h"
#include "train/commands/command.h"
#include "train/evaluate.h"
#include "train/experiment.h"
#include "train/progress.h"
#include "train/table_print.h"

namespace ohm::train {

Metrics RunEval(const Config& config) {
  if (config.model.weights.empty()) {
    throw UsageError(
        config.path.string() +
        ": model.weights: expected the weights to evaluate, got none; try "
        "--set model.weights=FILE.safetensors");
  }
  ApplyThreads(config);
  const auto data = OpenData(config, config.data.set);
  const auto model = BuildModel(config, data.classes);
  CalibrateIfNeeded(config, data, model.get());
  auto stream = EvalStream(config, data);
  Score score;
  {
    Progress progress("eval");
    score = Evaluate(model.get(), &stream, &progress);
  }
  fmt::print("{} on {}{}: top-1 {} % of {} {} images, loss {:.4f}\n",
             config.model.name, config.data.set,
             config.on_crossbar() ? ", on crossbars" : "",
             FormatPercent(score.top1), score.images, config.eval.split,
             score.loss);
  return {{"command", std::string("eval")},
          {"top1", score.top1},
          {"loss", score.loss},
          {"images", score.images}};
}

}  // namespace ohm::train
