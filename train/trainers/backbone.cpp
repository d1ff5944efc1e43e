#include "train/trainers/backbone.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/parallel.h"
#include "core/base/stopwatch.h"
#include "datasets/fingerprint.h"
#include "nn/crossbar_policy.h"
#include "train/checkpoint.h"
#include "train/experiment.h"
#include "train/progress.h"
#include "train/split_text.h"
#include "train/training_step.h"

namespace ohm::train {
namespace {

// Sums over the epoch so far. Part of the state: an epoch that was stopped in
// its middle reports what an unbroken one would.
struct EpochSums {
  double loss = 0;
  int64_t correct = 0, images = 0;

  std::map<std::string, std::string> Save() const {
    return {{"loss", fmt::format("{:a}", loss)},
            {"correct", std::to_string(correct)},
            {"images", std::to_string(images)}};
  }
  // The library's exception where one is missing or no number.
  void Load(const std::map<std::string, std::string>& values) {
    loss = std::stod(values.at("loss"));
    correct = std::stoll(values.at("correct"));
    images = std::stoll(values.at("images"));
  }
};

// The keys that a training's weights depend on, a line each.
std::string TrainingKeys(const Config& config) {
  Config own;
  own.data = config.data;
  own.data.validation = DataOptions().validation;  // of new tasks
  own.model = config.model;
  own.train = config.train;
  own.train.resume = false;
  own.train.eval_every = Duration{};
  // Behind wires each checkpoint is a moment at which they are solved anew.
  if (config.device.wires.ideal()) own.train.checkpoint_every = Duration{};
  own.hw_preset = config.on_crossbar() ? "-" : "";  // its keys count
  own.hw = config.hw;
  own.device = config.device;
  own.adapt = config.adapt;
  return ChangedKeys(own);
}

// Of the file that a training starts from; empty where it draws its weights.
std::string WeightsHash(const Config& config) {
  if (config.model.weights.empty()) return "";
  const std::string content = ReadFile(config.model.weights);
  Fnv1a hash;
  hash.Add(content.data(), content.size());
  return hash.Hex();
}

// " a = 1, b = 2" of the lines of `text` that `other` has not, and "the default
// of c" where it has a key that `text` has not.
std::string LinesMissing(const std::string& text, const std::string& other) {
  const auto own = SplitText(text, '\n'), lines = SplitText(other, '\n');
  std::string missing;
  const auto add = [&](const std::string& what) {
    missing += (missing.empty() ? " " : ", ") + what;
  };
  for (const std::string& line : own) {
    if (std::ranges::count(lines, line) == 0) add(line);
  }
  for (const std::string& line : lines) {
    const std::string key = line.substr(0, line.find(" = ") + 3);
    const bool has = std::ranges::any_of(
        own, [&](const std::string& l) { return l.starts_with(key); });
    if (line.empty() || has) continue;
    add("the default of " + line.substr(0, line.find(' ')));
  }
  return missing;
}

class BackboneTrainer {
 public:
  BackboneTrainer(const Config& config, const datasets::OpenedDataset& data,
                  nn::Model* model, const RunFolder& folder)
      : config_(config),
        options_(config.train),
        model_(model),
        folder_(folder),
        key_(Key(uint64_t(options_.seed)).Child("train")),
        train_(data.train, MakeBatchOptions(config, data, options_.batch, true,
                                            key_.Child("batches"))),
        test_(data.test,
              MakeBatchOptions(config, data, config.eval.batch, false, key_)),
        steps_per_epoch_(train_.batches()) {
    CheckTraining(config, data, folder);
    fingerprint_ = datasets::Fingerprint(data);
    total_steps_ = steps_per_epoch_ * options_.epochs;
    schedule_ = options_.Schedule(steps_per_epoch_, total_steps_);
    optimizer_ =
        MakeOptimizer(options_.optimizer,
                      DecayGroups(model->Parameters(), options_.weight_decay,
                                  options_.decay_norm_and_bias),
                      options_.optimizer_options);
    training_ = std::make_unique<TrainingStep>(model_, optimizer_.get(),
                                               MakeStepOptions(config));
  }

  BackboneResult Run() {
    const Stopwatch watch;
    nn::SolveWiresAnew(model_);
    if (!Resume()) {
      folder_.SetAside();
      Calibrate(model_, &train_, options_.calibration_batches);
    }
    while (step_ < total_steps_) RunEpoch();
    if (!score_is_fresh_) score_ = Evaluate(model_, &test_);
    SaveWeights(folder_.weights(), model_->Parameters(), model_->Buffers(),
                {{"ohmgrad.model", config_.model.name}});
    return {score_, options_.epochs, watch.seconds(),
            train_seconds_ > 0 ? double(train_images_) / train_seconds_ : 0.0};
  }

 private:
  bool Resume() {
    if (!options_.resume || !std::filesystem::exists(folder_.state())) {
      return false;
    }
    const TrainingProgress at =
        LoadTrainingState(folder_.state(), model_->Parameters(),
                          model_->Buffers(), optimizer_.get());
    SayOtherThreads(at);
    nn::RangesAreTrained(model_);
    step_ = at.step;
    try {
      sums_.Load(at.values);
    } catch (const std::exception&) {
      ThrowError(fmt::format(
          "'{}': expected 'loss', 'correct' and 'images' of the epoch",
          folder_.state().string()));
    }
    folder_.KeepMetricsUpTo(at.epoch);
    return true;
  }

  void SayOtherThreads(const TrainingProgress& at) const {
    const auto found = at.values.find("threads");
    const std::string now = std::to_string(Threads());
    if (found == at.values.end() || found->second == now) return;
    fmt::print(
        "trained with {} threads so far, with {} from here: results are "
        "not those of a run with one number, bit for bit\n",
        found->second, now);
  }

  void RunEpoch() {
    const int64_t epoch = step_ / steps_per_epoch_;
    const int64_t save_every =
        std::max<int64_t>(1, options_.checkpoint_every.Steps(steps_per_epoch_));
    train_.Start(epoch, step_ % steps_per_epoch_);
    const Stopwatch watch;
    const int64_t images_before = sums_.images;
    datasets::Batch batch;
    while (train_.Next(&batch)) {
      Step(batch);
      const bool ends = step_ % steps_per_epoch_ == 0;
      if (!ends && step_ % save_every == 0) Save();
    }
    train_seconds_ += watch.seconds();
    train_images_ += sums_.images - images_before;
    const double rate =
        double(sums_.images - images_before) / std::max(1e-9, watch.seconds());
    FinishEpoch(epoch + 1, rate);
    sums_ = {};
    if (step_ % save_every < steps_per_epoch_ || step_ == total_steps_) Save();
  }

  void Step(const datasets::Batch& batch) {
    const double rate = LearningRate(schedule_, step_);
    const StepResult result =
        training_->Run(batch, rate, key_.Child("noise").Child(uint64_t(step_)));
    if (!std::isfinite(result.loss)) {
      throw NotFinite(
          fmt::format("the loss became {} at epoch {}, step {} of {} "
                      "(learning rate {:.3g}); try a smaller train.lr",
                      result.loss, step_ / steps_per_epoch_ + 1,
                      step_ % steps_per_epoch_ + 1, steps_per_epoch_, rate));
    }
    ++step_;
    const auto images = int64_t(batch.labels.size());
    sums_.loss += result.loss * double(images);
    sums_.correct += result.correct;
    sums_.images += images;
    Show();
  }

  void Show() {
    const int64_t done = (step_ - 1) % steps_per_epoch_ + 1;
    progress_.Update(
        {.epoch = (step_ - 1) / steps_per_epoch_ + 1,
         .epochs = options_.epochs,
         .step = done,
         .steps = steps_per_epoch_,
         .images = sums_.images,
         .loss = sums_.loss / double(sums_.images),
         .accuracy = double(sums_.correct) / double(sums_.images)});
  }

  void FinishEpoch(int64_t epoch, double rate) {
    const double images = double(std::max<int64_t>(1, sums_.images));
    Metrics metrics{{"epoch", epoch},
                    {"step", step_},
                    {"lr", LearningRate(schedule_, step_ - 1)},
                    {"train_loss", sums_.loss / images},
                    {"train_top1", double(sums_.correct) / images},
                    {"images_per_second", rate}};
    const int64_t every =
        std::max<int64_t>(1, options_.eval_every.Steps(steps_per_epoch_));
    score_is_fresh_ = step_ % every < steps_per_epoch_ || step_ == total_steps_;
    if (score_is_fresh_) {
      score_ = Evaluate(model_, &test_);
      metrics.emplace_back("test_loss", score_.loss);
      metrics.emplace_back("test_top1", score_.top1);
      progress_.Print(fmt::format(
          "epoch {}/{}: loss {:.4f}, train {:.2f} %, test {:.2f} %, {:.0f} "
          "images/s",
          epoch, options_.epochs, sums_.loss / images,
          100.0 * double(sums_.correct) / images, 100.0 * score_.top1, rate));
    }
    folder_.AppendMetrics(metrics);
  }

  void Save() {
    CheckFinite();
    auto values = sums_.Save();
    values["keys"] = keys_;
    values["data"] = fingerprint_;
    values["weights"] = weights_;
    values["threads"] = std::to_string(Threads());
    SaveTrainingState(folder_.state(), model_->Parameters(), model_->Buffers(),
                      optimizer_.get(),
                      {.epoch = step_ / steps_per_epoch_,
                       .step = step_,
                       .values = std::move(values)});
    nn::SolveWiresAnew(model_);  // as whoever goes on from here has to
  }

  // Before a checkpoint that is good is written over.
  void CheckFinite() const {
    const std::string name = NameOfNotFinite(model_);
    if (name.empty()) return;
    throw NotFinite(
        fmt::format("'{}' is no number any more at epoch {}, step {} of {}; "
                    "try a smaller train.lr",
                    name, (step_ - 1) / steps_per_epoch_ + 1,
                    (step_ - 1) % steps_per_epoch_ + 1, steps_per_epoch_));
  }

  const Config& config_;
  const TrainOptions& options_;
  nn::Model* model_;
  const RunFolder& folder_;
  std::string keys_ = TrainingKeys(config_), weights_ = WeightsHash(config_);
  std::string fingerprint_;
  Key key_;
  datasets::BatchStream train_, test_;
  int64_t steps_per_epoch_, total_steps_ = 0, step_ = 0;
  ScheduleSpec schedule_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<TrainingStep> training_;
  Progress progress_{"train"};
  EpochSums sums_;
  Score score_;
  bool score_is_fresh_ = false;
  double train_seconds_ = 0;
  int64_t train_images_ = 0;
};

}  // namespace

namespace {

// Trainings other than 'adapt' read no adapt keys, but kept them in states
// until 2026-11-29.
std::string WithoutUnread(const Config& config, const std::string& keys) {
  if (TrainingKeys(config).find("adapt.") != std::string::npos) return keys;
  std::string kept;
  for (const std::string& line : SplitText(keys, '\n')) {
    if (line.starts_with("adapt.") || line.empty()) continue;
    kept += line + "\n";
  }
  return kept;
}

// States of versions that did not keep them have no keys, no fingerprint, or no
// hash of weights.
void CheckResume(const Config& config, const datasets::OpenedDataset& data,
                 const RunFolder& folder) {
  const auto values = ReadTrainingProgress(folder.state()).values;
  const auto found = values.find("keys");
  const std::string keys = TrainingKeys(config);
  const std::string its =
      found == values.end() ? keys : WithoutUnread(config, found->second);
  if (its != keys) {
    ThrowAtKey(config, "train.resume",
               fmt::format("expected the config of the training in '{}', which "
                           "has{}; got{}",
                           folder.state().string(), LinesMissing(its, keys),
                           LinesMissing(keys, its)));
  }
  const auto images = values.find("data");
  if (images != values.end() && images->second != datasets::Fingerprint(data)) {
    ThrowAtKey(config, "train.resume",
               fmt::format("expected the images that the training in '{}' "
                           "began with, got others in data.root",
                           folder.state().string()));
  }
  const auto weights = values.find("weights");
  if (weights != values.end() && weights->second != WeightsHash(config)) {
    ThrowAtKey(config, "train.resume",
               fmt::format("expected the weights that the training in '{}' "
                           "began with, got {}",
                           folder.state().string(),
                           config.model.weights.empty()
                               ? "none in model.weights"
                               : "others in '" + config.model.weights + "'"));
  }
}

}  // namespace

void CheckTraining(const Config& config, const datasets::OpenedDataset& data,
                   const RunFolder& folder) {
  MakeStepOptions(config);  // Error where this machine cannot
  const TrainOptions& train = config.train;
  const int64_t steps = data.train->size() / train.batch;
  if (steps == 0) {
    ThrowAtKey(config, "train.batch",
               fmt::format("expected at most the {} training images, got {}",
                           data.train->size(), train.batch));
  }
  const ScheduleSpec schedule = train.Schedule(steps, steps * train.epochs);
  if (schedule.warmup_steps >= schedule.total_steps) {
    ThrowAtKey(config, "train.warmup",
               fmt::format("expected fewer than the {} steps of training, got "
                           "{}, which are {}",
                           schedule.total_steps, train.warmup.str(),
                           schedule.warmup_steps));
  }
  if (train.resume && std::filesystem::exists(folder.state())) {
    CheckResume(config, data, folder);
  }
}

BackboneResult TrainBackbone(const Config& config,
                             const datasets::OpenedDataset& data,
                             nn::Model* model, const RunFolder& folder) {
  return BackboneTrainer(config, data, model, folder).Run();
}

}  // namespace ohm::train
