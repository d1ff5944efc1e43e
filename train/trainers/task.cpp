#include "train/trainers/task.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "core/base/check.h"
#include "core/base/stopwatch.h"
#include "datasets/views.h"
#include "nn/crossbar_policy.h"
#include "train/experiment.h"
#include "train/progress.h"
#include "train/tasks/mask_options.h"
#include "train/tasks/pe_chooser.h"
#include "train/tasks/teacher.h"
#include "train/tasks/trained.h"
#include "train/training_step.h"

namespace ohm::train {
namespace {

Key KeyOf(const TasksOptions& options, const std::string& set) {
  return Key(uint64_t(options.seed)).Child("task").Child(set);
}

datasets::SplitViews SplitOf(const Config& config,
                             const datasets::OpenedDataset& data,
                             const std::string& set) {
  return datasets::Split(data.train, config.data.validation,
                         KeyOf(config.tasks, set).Child("validation"));
}

datasets::BatchOptions TrainOptionsFor(const Config& config,
                                       const datasets::OpenedDataset& data,
                                       const Key& task) {
  auto options = MakeBatchOptions(config, data, config.tasks.batch, true,
                                  task.Child("batches"));
  options.crop_padding = config.tasks.crop_padding;
  options.flip = config.tasks.flip;
  return options;
}

int64_t AtLeastOne(const Duration& duration, int64_t steps_per_epoch) {
  return std::max<int64_t>(1, duration.Steps(steps_per_epoch));
}

class TaskTrainer {
 public:
  TaskTrainer(const Config& config, std::string set,
              const datasets::OpenedDataset& data, const MethodRow& method,
              nn::Model* model, const RunFolder& folder, Metrics what)
      : options_(config.tasks),
        set_(std::move(set)),
        method_(method),
        model_(model),
        folder_(folder),
        what_(std::move(what)),
        key_(KeyOf(options_, set_)),
        split_(SplitOf(config, data, set_)),
        train_(split_.rest, TrainOptionsFor(config, data, key_)),
        validation_(
            split_.held_out,
            MakeBatchOptions(config, data, config.eval.batch, false, key_)),
        step_options_{.dtype = MakeStepOptions(config).dtype},
        progress_("task " + set_ + " " + method.name) {
    steps_ = AtLeastOne(options_.length, train_.batches());
    every_ =
        std::max<int64_t>(1, options_.validate_every.Steps(train_.batches()));
    schedule_ = {.kind = options_.schedule,
                 .lr = 1.0,
                 .total_steps = steps_,
                 .step_every = std::max<int64_t>(
                     1, options_.step_every.Steps(train_.batches())),
                 .step_factor = options_.step_factor};
  }

  // Null: from labels alone.
  void set_teacher(nn::Model* teacher) { teacher_ = teacher; }

  TaskResult Learn(const TaskState& backbone, int classes) {
    Prepare(backbone, classes);
    try {
      return Train();
    } catch (const NotFinite& error) {
      throw TrainingFailed(fmt::format(
          "task '{}', method {}, step {}: {}; try smaller tasks.lr_mask, "
          "lr_scale, lr_weights, lr_norm or lr_head",
          set_, method_.name, done_ + 1, error.what()));
    }
  }

 private:
  TaskResult Train() {
    best_.validation = -1;
    while (done_ < steps_) {
      const Stopwatch watch;
      since_ = {};
      TrainUntil(std::min(done_ + every_, steps_));
      best_.seconds += watch.seconds();
      progress_.Pause();
      CheckNumbers();
      const Score score = Evaluate(model_, &validation_);
      Report(score);
      Keep(score);
    }
    return std::move(best_);
  }

  void Prepare(const TaskState& backbone, int classes) {
    ApplyTask(model_, backbone);
    model_->head().Reset(classes, key_.Child("head"));
    SetMasks(model_, method_.mask, MaskOptionsOf(options_));
    LeaveTrained(method_, options_, model_);
    if (method_.selects) {
      const int64_t until =
          AtLeastOne(options_.pes.select_length, train_.batches());
      chooser_.emplace(model_, options_.pes, until, key_.Child("pes"));
      chooser_->At(0);
    }
    MakeOptimiser();
    train_.Start(0);
  }

  void MakeOptimiser() {
    auto fresh = MakeTaskOptimizer(options_, model_);
    if (optimizer_ != nullptr) TakeOverState(optimizer_.get(), fresh.get());
    training_.reset();  // before what it points to
    optimizer_ = std::move(fresh);
    training_ =
        std::make_unique<TrainingStep>(model_, optimizer_.get(), step_options_);
    if (teacher_ == nullptr) return;
    training_->LearnFrom(teacher_,
                         {.share = float(options_.teacher_share),
                          .temperature = float(options_.teacher_temperature)});
  }

  // Steps up to `until`; sums go to since_.
  void TrainUntil(int64_t until) {
    for (datasets::Batch batch; done_ < until;) {
      if (!train_.Next(&batch)) {
        train_.Start(++epoch_);
        continue;
      }
      const StepResult result =
          training_->Run(batch, LearningRate(schedule_, done_),
                         key_.Child("noise").Child(uint64_t(done_)));
      if (!std::isfinite(result.loss)) {
        throw NotFinite(fmt::format("the loss became {}", result.loss));
      }
      ++done_;
      since_.Add(result, int64_t(batch.labels.size()));
      best_.images += int64_t(batch.labels.size());
      if (chooser_ && !chooser_->done() && chooser_->At(done_)) {
        nn::SolveWiresAnew(model_);  // weights may have jumped
        MakeOptimiser();
      }
      progress_.Update(
          {.step = done_,
           .steps = steps_,
           .images = best_.images,
           .loss = since_.loss / double(since_.images),
           .accuracy = double(since_.correct) / double(since_.images)});
    }
  }

  // A factor or score that is none would count as off.
  void CheckNumbers() const {
    const std::string name = NameOfNotFinite(model_);
    if (!name.empty()) throw NotFinite("'" + name + "' is no number any more");
  }

  void Keep(const Score& score) {
    if (chooser_ && !chooser_->done()) return;
    if (score.top1 <= best_.validation) return;
    best_.steps = done_;
    best_.validation = score.top1;
    best_.state = Capture();
  }

  TaskState Capture() const {
    return CaptureTask(model_, method_.mask, MaskOptionsOf(options_));
  }

  void Report(const Score& validation) {
    const double loss = since_.loss / double(since_.images);
    Metrics line{{"task", set_}, {"method", std::string(method_.name)}};
    line.insert(line.end(), what_.begin(), what_.end());
    line.insert(line.end(), {{"seed", options_.seed},
                             {"step", done_},
                             {"train_loss", loss},
                             {"validation_loss", validation.loss},
                             {"validation_top1", validation.top1}});
    folder_.AppendMetrics(line);
    progress_.Print(fmt::format(
        "{} {}, step {}/{}: loss {:.4f}, validation {:.2f} %", set_,
        method_.name, done_, steps_, loss, 100.0 * validation.top1));
  }

  // Since the last look at the images held out.
  struct Sums {
    double loss = 0;
    int64_t correct = 0, images = 0;

    void Add(const StepResult& step, int64_t count) {
      loss += step.loss * double(count);
      correct += step.correct;
      images += count;
    }
  };

  const TasksOptions& options_;
  std::string set_;
  const MethodRow& method_;
  nn::Model* model_;
  nn::Model* teacher_ = nullptr;
  const RunFolder& folder_;
  Metrics what_;  // in every metrics line
  Key key_;
  datasets::SplitViews split_;
  datasets::BatchStream train_, validation_;
  StepOptions step_options_;
  Progress progress_;
  int64_t steps_ = 0, every_ = 0, done_ = 0, epoch_ = 0;
  Sums since_;
  TaskResult best_;
  ScheduleSpec schedule_;
  std::optional<PeChooser> chooser_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<TrainingStep> training_;
};

// Takes the model off its chip where tasks are learned on ideal devices, and
// puts it back, also where learning fails.
class OffChip {
 public:
  OffChip(nn::Model* model, const Config& config)
      : model_(model),
        device_(config.device),
        off_(config.tasks.learn_on == "ideal") {
    if (off_) nn::PutOnChip(model_, hw::DeviceSpec());
  }
  ~OffChip() {
    if (off_) nn::PutOnChip(model_, device_);
  }
  OffChip(const OffChip&) = delete;
  OffChip& operator=(const OffChip&) = delete;

 private:
  nn::Model* model_;
  const hw::DeviceSpec& device_;
  bool off_;
};

}  // namespace

void CheckTask(const Config& config, const std::string& set,
               const datasets::OpenedDataset& data, const MethodRow& method) {
  const TasksOptions& options = config.tasks;
  MakeStepOptions(config);  // Error where this machine cannot
  CheckMaskOptions(config, method);
  const auto split = SplitOf(config, data, set);
  const int64_t batches = split.rest->size() / options.batch;
  if (batches == 0) {
    ThrowAtKey(config, "tasks.batch",
               fmt::format("expected at most the {} training images of '{}', "
                           "got {}",
                           split.rest->size(), set, options.batch));
  }
  if (split.held_out->size() == 0) {
    ThrowAtKey(config, "data.validation",
               fmt::format("expected images of '{}' held out to choose the "
                           "moment by, got a share of {}",
                           set, config.data.validation));
  }
  if (!method.selects) return;
  const int64_t steps = AtLeastOne(options.length, batches);
  const int64_t until = AtLeastOne(options.pes.select_length, batches);
  if (until >= steps) {
    ThrowAtKey(config, "tasks.select_length",
               fmt::format("expected less than the {} steps of tasks.length, "
                           "got {}",
                           steps, until));
  }
  if (options.pes.select == "gates" && options.pes.select_rounds > 1) {
    ThrowAtKey(config, "tasks.select_rounds",
               fmt::format("expected 1 with tasks.select = \"gates\", which "
                           "choose once, got {}",
                           options.pes.select_rounds));
  }
  if (options.pes.select_rounds > until) {
    ThrowAtKey(config, "tasks.select_rounds",
               fmt::format("expected at most one for each of the {} steps of "
                           "tasks.select_length, got {}",
                           until, options.pes.select_rounds));
  }
}

TrainingFailed TeacherFailed(const TrainingFailed& error) {
  return TrainingFailed(std::string("its teacher, whose tasks.lr_weights is "
                                    "tasks.teacher_lr: ") +
                        error.what());
}

TaskResult TrainTask(const Config& config, const std::string& set,
                     const datasets::OpenedDataset& data,
                     const MethodRow& method, const TaskState& backbone,
                     nn::Model* model, const RunFolder& folder,
                     const Metrics& what, const TaskState* teacher) {
  CheckTask(config, set, data, method);  // before its teacher learns for long
  TaskState own;
  if (HasTeacher(config) && teacher == nullptr) {
    try {
      own = TrainTask(TeacherConfig(config), set, data, TeacherMethod(config),
                      backbone, model, folder, what)
                .state;
    } catch (const TrainingFailed& error) {
      throw TeacherFailed(error);
    }
    teacher = &own;
  }
  std::unique_ptr<nn::Model> taught_by;
  if (HasTeacher(config)) taught_by = MakeTeacher(config, model, *teacher);
  TaskTrainer trainer(config, set, data, method, model, folder, what);
  trainer.set_teacher(taught_by.get());
  TaskResult result;
  {
    const OffChip off(model, config);
    result = trainer.Learn(backbone, data.classes);
  }
  SetStatistics(config, set, data, method, model, &result.state);
  return result;
}

void SetStatistics(const Config& config, const std::string& set,
                   const datasets::OpenedDataset& data, const MethodRow& method,
                   nn::Model* model, TaskState* state) {
  if (config.tasks.norm_batches == 0) return;
  const Key key = KeyOf(config.tasks, set);
  datasets::BatchStream train(SplitOf(config, data, set).rest,
                              TrainOptionsFor(config, data, key));
  ApplyTask(model, *state);
  SetNormMode(method, config.tasks, model);  // not of what was trained last
  RunBatches(model, &train, config.tasks.norm_batches,
             {.normalising = true, .noise = key.Child("statistics")});
  *state = CaptureTask(model, method.mask, MaskOptionsOf(config.tasks));
}

Score TestTask(const Config& config, const datasets::OpenedDataset& data,
               const TaskState& state, nn::Model* model) {
  ApplyTask(model, state);
  datasets::BatchStream test(
      data.test,
      MakeBatchOptions(config, data, config.eval.batch, false, Key()));
  return Evaluate(model, &test);
}

}  // namespace ohm::train
