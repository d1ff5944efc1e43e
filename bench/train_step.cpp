#include "bench/train_step.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cmath>

#include "core/base/check.h"

namespace ohm::bench {

double PeakMib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_maxrss) / 1024;  // Linux counts in KiB
}

train::Config LoadForStep(const std::string& path,
                          const std::vector<std::string>& overrides) {
  train::Config config = train::LoadConfig(path, overrides);
  config.model.weights.clear();
  train::ApplyThreads(config);
  return config;
}

TrainStep::TrainStep(const train::Config& config, int classes)
    : model_(train::BuildModel(config, classes)),
      optimizer_(train::MakeOptimizer(
          config.train.optimizer,
          train::DecayGroups(model_->Parameters(), config.train.weight_decay,
                             config.train.decay_norm_and_bias),
          config.train.optimizer_options)),
      training_(model_.get(), optimizer_.get(),
                train::MakeStepOptions(config)) {}

double TrainStep::Run(const datasets::Batch& batch) {
  constexpr double kRate = 0.01;
  return training_.Run(batch, kRate, Key(1)).loss;
}

void TrainStep::CheckLearns(const datasets::Batch& batch) {
  const double first = Run(batch);
  double last = first;
  for (int i = 0; i < 10; ++i) last = Run(batch);
  OHM_CHECK(std::isfinite(last) && last < first,
            fmt::format("expected the loss of one batch to fall in 10 steps, "
                        "got {} and then {}",
                        first, last));
}

int64_t TrainStep::parameters() {
  int64_t count = 0;
  for (const auto& p : model_->Parameters()) count += p.var.value().count();
  return count;
}

datasets::Batch RandomBatch(const train::Config& config, int classes) {
  const int64_t n = config.train.batch, size = config.data.image_size;
  datasets::Batch batch;
  batch.images = Tensor::Empty({n, size, size, 3});
  const Key key = Key(1).Child("bench images");
  for (int64_t i = 0; i < batch.images.count(); ++i) {
    batch.images.data()[i] = float(key.Normal(uint64_t(i)));
  }
  for (int64_t i = 0; i < n; ++i) batch.labels.push_back(int32_t(i % classes));
  return batch;
}

std::string StepName(const train::Config& config) {
  return fmt::format("{}{} {} batch {}", config.model.name,
                     config.on_crossbar() ? " crossbar" : "",
                     config.train.dtype, config.train.batch);
}

train::Metrics StepFields(const train::Config& config, TrainStep* step) {
  return {
      {"model", config.model.name},
      {"dtype", config.train.dtype},
      {"batch", int64_t(config.train.batch)},
      {"parameters", step->parameters()},
      {"peak_mib", PeakMib()},
      {"arena_mib", double(step->training().arena().planned_bytes()) / kMib},
      {"kept_mib", double(step->training().kept_bytes()) / kMib}};
}

}  // namespace ohm::bench
