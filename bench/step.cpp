// One training step of any config on one fixed batch of random images (the
// data pipeline is not timed).
#include <fmt/format.h>

#include "bench/bench.h"
#include "bench/train_step.h"

namespace ohm::bench {

void BenchStep(const BenchOptions& options) {
  constexpr int kClasses = 10;
  const train::Config config = LoadForStep(options.config, options.overrides);
  TrainStep step(config, kClasses);
  const datasets::Batch batch = RandomBatch(config, kClasses);
  step.CheckLearns(batch);
  CaseResult result;
  result.name = "step " + StepName(config);
  result.timing = Measure([&] { step.Run(batch); }, options.seconds);
  result.items = config.train.batch;
  result.unit = "images/s";
  result.more = StepFields(config, &step);
  result.note = fmt::format(
      "peak {:.0f} MiB, arena {:.1f} MiB, {:.1f} MiB kept for backward",
      PeakMib(), double(step.training().arena().planned_bytes()) / kMib,
      double(step.training().kept_bytes()) / kMib);
  Print(options, result);
}

}  // namespace ohm::bench
