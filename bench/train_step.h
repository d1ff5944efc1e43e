// One training step of a config, for the benchmarks that run it: forward,
// loss, backward, optimiser.
#pragma once

#include <memory>
#include <string>

#include "bench/timing.h"
#include "datasets/batch_stream.h"
#include "train/experiment.h"
#include "train/training_step.h"

namespace ohm::bench {

// The config with --set's overrides; random weights, and its threads set.
train::Config LoadForStep(const std::string& path,
                          const std::vector<std::string>& overrides);

class TrainStep {
 public:
  TrainStep(const train::Config& config, int classes);

  double Run(const datasets::Batch& batch);  // the loss
  // Steps on `batch` a few times. Error where the loss does not fall: then
  // what would be timed is no training.
  void CheckLearns(const datasets::Batch& batch);

  nn::Model* model() { return model_.get(); }
  int64_t parameters();  // numbers that are trained
  const train::TrainingStep& training() const { return training_; }

 private:
  std::unique_ptr<nn::Model> model_;
  std::unique_ptr<train::Optimizer> optimizer_;
  train::TrainingStep training_;
};

// As many random images as the config says.
datasets::Batch RandomBatch(const train::Config& config, int classes);

constexpr double kMib = 1024 * 1024;
double PeakMib();  // largest resident set of this process so far

// "resnet20 crossbar f32 batch 128".
std::string StepName(const train::Config& config);
// What JSON says of a step beyond its time: model, dtype, batch, parameters;
// peak_mib: of the whole process; arena_mib: planned for the step's tensors;
// kept_mib: alive between forward and backward.
train::Metrics StepFields(const train::Config& config, TrainStep* step);

}  // namespace ohm::bench
