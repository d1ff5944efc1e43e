// One training step of any config: forward, loss, backward, optimiser, on one
// fixed batch of random images (the data pipeline is not timed).
#include <cmath>

#include "bench/bench.h"
#include "core/base/check.h"
#include "train/experiment.h"
#include "train/training_step.h"

namespace ohm::bench {
namespace {

struct Step {
  std::unique_ptr<nn::Model> model;
  std::unique_ptr<train::Optimizer> optimizer;
  std::unique_ptr<train::TrainingStep> training;
  datasets::Batch batch;

  double Run() { return training->Run(batch, 0.01).loss; }
};

Step MakeStep(const train::Config& config) {
  constexpr int kClasses = 10;
  Step step;
  step.model = train::BuildModel(config, kClasses);
  step.optimizer = train::MakeOptimizer(
      config.train.optimizer,
      train::DecayGroups(step.model->Parameters(), config.train.weight_decay,
                         config.train.decay_norm_and_bias),
      config.train.optimizer_options);
  step.training = std::make_unique<train::TrainingStep>(
      step.model.get(), step.optimizer.get(), train::MakeStepOptions(config));
  const int64_t n = config.train.batch, size = config.data.image_size;
  step.batch.images = Tensor::Empty({n, size, size, 3});
  const Key key = Key(1).Child("bench images");
  for (int64_t i = 0; i < step.batch.images.count(); ++i) {
    step.batch.images.data()[i] = float(key.Normal(uint64_t(i)));
  }
  for (int64_t i = 0; i < n; ++i) {
    step.batch.labels.push_back(int32_t(i % kClasses));
  }
  return step;
}

}  // namespace

void BenchStep(const BenchOptions& options) {
  if (options.config.empty()) {
    throw UsageError("ohmgrad bench step: expected a CONFIG.toml");
  }
  train::Config config = train::LoadConfig(options.config, options.overrides);
  config.model.weights.clear();
  train::ApplyThreads(config);
  Step step = MakeStep(config);

  // The result first: learning one batch must bring its loss down.
  const double first = step.Run();
  double last = first;
  for (int i = 0; i < 10; ++i) last = step.Run();
  OHM_CHECK(std::isfinite(last) && last < first,
            "bench step: the loss did not fall: " + std::to_string(first) +
                " to " + std::to_string(last));

  const auto timing = Measure([&] { step.Run(); }, options.seconds);
  Print(options,
        "step " + config.model.name +
            (config.on_crossbar() ? " crossbar" : "") + " " +
            config.train.dtype + " batch " + std::to_string(config.train.batch),
        timing, double(config.train.batch), "images/s");
}

}  // namespace ohm::bench
