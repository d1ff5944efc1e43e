#include "train/trainers/task.h"

#include <fmt/format.h>

#include <cmath>

#include "core/base/check.h"
#include "datasets/views.h"
#include "nn/layers/batch_norm2d.h"
#include "train/experiment.h"
#include "train/optim/table.h"
#include "train/progress.h"
#include "train/training_step.h"

namespace ohm::train {
namespace {

class TaskTrainer {
 public:
  TaskTrainer(const Config& config, std::string set,
              const datasets::OpenedDataset& data, const MethodRow& method,
              nn::Model* model, const RunFolder& folder)
      : options_(config.tasks),
        set_(std::move(set)),
        method_(method),
        model_(model),
        folder_(folder),
        key_(Key(uint64_t(options_.seed)).Child("task").Child(set_)),
        split_(datasets::Split(data.train, config.data.validation,
                               key_.Child("validation"))),
        train_(split_.rest, TrainOptionsFor(config, data)),
        validation_(
            split_.held_out,
            MakeBatchOptions(config, data, config.eval.batch, false, key_)),
        dtype_(MakeStepOptions(config).dtype),
        progress_("task " + set_ + " " + method.name) {
    OHM_CHECK(train_.batches() > 0,
              fmt::format("tasks.batch: expected at most the {} training "
                          "images of '{}', got {}",
                          split_.rest->size(), set_, options_.batch));
    schedule_ = {.kind = "cosine",
                 .lr = 1.0,
                 .total_steps = train_.batches() * options_.epochs};
  }

  // Leaves the best epoch's state in `best`.
  TaskResult Run(const TaskState& backbone, int classes) {
    Prepare(backbone, classes);
    TaskResult best;
    best.set = set_;
    best.method = method_.name;
    best.validation = -1;
    for (int64_t epoch = 0; epoch < options_.epochs; ++epoch) {
      const double loss = RunEpoch(epoch);
      const Score score = Evaluate(model_, &validation_);
      Report(epoch + 1, loss, score);
      if (score.top1 <= best.validation) continue;
      best.epoch = epoch + 1;
      best.validation = score.top1;
      best.state = CaptureTask(model_, method_.mask, MaskOptions());
    }
    return best;
  }

 private:
  datasets::BatchOptions TrainOptionsFor(const Config& config,
                                         const datasets::OpenedDataset& data) {
    auto options = MakeBatchOptions(config, data, options_.batch, true,
                                    key_.Child("batches"));
    options.crop_padding = options_.crop_padding;
    options.flip = options_.flip;
    return options;
  }

  void Prepare(const TaskState& backbone, int classes) {
    ApplyTask(model_, backbone);
    model_->head().Reset(classes, key_.Child("head"));
    SetMasks(model_, method_.mask, MaskOptions());
    const bool own_statistics = method_.own_norm && options_.norm != "frozen";
    const bool own_affine = method_.own_norm && options_.norm == "affine";
    model_->Visit([&](const std::string& /*path*/, nn::Module& module) {
      if (auto* norm = dynamic_cast<nn::BatchNorm2d*>(&module)) {
        norm->set_mode(own_statistics ? nn::NormMode::kBatch
                                      : nn::NormMode::kFrozen);
      }
    });
    FreezeAllBut(own_affine);
    optimizer_ = MakeOptimizer(
        options_.optimizer, GroupParameters(model_->Parameters(), Rules()), {});
    training_ = std::make_unique<TrainingStep>(model_, optimizer_.get(),
                                               StepOptions{.dtype = dtype_});
  }

  nn::MaskOptions MaskOptions() const {
    return {.threshold = float(options_.mask_threshold),
            .init = float(options_.mask_init),
            .estimator = options_.estimator == "sigmoid"
                             ? nn::Estimator::kSigmoid
                             : nn::Estimator::kIdentity,
            .levels = {options_.shift_min, options_.shift_max,
                       options_.shift_zero}};
  }

  double MaskRate() const {
    if (method_.mask[0] == '\0') return 0.0;
    return nn::FindMask(method_.mask).thresholded ? options_.lr_mask
                                                  : options_.lr_scale;
  }

  void FreezeAllBut(bool own_affine) {
    for (auto& p : model_->Parameters()) {
      p.var.ClearGrad();
      p.var.set_requires_grad(model_->IsHead(p.name) ||
                              p.role == nn::Role::kMask ||
                              (own_affine && nn::IsNorm(p.role)));
    }
  }

  std::vector<GroupRule> Rules() const {
    const auto trained = [](const nn::NamedParameter& p) {
      return p.var.requires_grad();
    };
    return {
        {"mask",
         [](const nn::NamedParameter& p) { return p.role == nn::Role::kMask; },
         MaskRate()},
        {"norm",
         [trained](const nn::NamedParameter& p) {
           return nn::IsNorm(p.role) && trained(p);
         },
         options_.lr_norm},
        {"head",
         [this](const nn::NamedParameter& p) { return model_->IsHead(p.name); },
         options_.lr_head},
    };
  }

  // Mean training loss of the epoch.
  double RunEpoch(int64_t epoch) {
    datasets::Batch batch;
    double loss_sum = 0;
    int64_t correct = 0, images = 0, step = 0;
    train_.Start(epoch);
    while (train_.Next(&batch)) {
      const int64_t overall = epoch * train_.batches() + step;
      const StepResult result =
          training_->Run(batch, LearningRate(schedule_, overall),
                         key_.Child("noise").Child(uint64_t(overall)));
      OHM_CHECK(std::isfinite(result.loss),
                fmt::format("task '{}', method {}: the loss became {} at epoch "
                            "{}; try smaller tasks.lr_mask, lr_norm or lr_head",
                            set_, method_.name, result.loss, epoch + 1));
      ++step;
      images += int64_t(batch.labels.size());
      loss_sum += result.loss * double(batch.labels.size());
      correct += result.correct;
      progress_.Update({.epoch = epoch + 1,
                        .epochs = options_.epochs,
                        .step = step,
                        .steps = train_.batches(),
                        .images = images,
                        .loss = loss_sum / double(images),
                        .accuracy = double(correct) / double(images)});
    }
    return loss_sum / double(images);
  }

  void Report(int64_t epoch, double loss, const Score& validation) {
    folder_.AppendMetrics({{"task", set_},
                           {"method", std::string(method_.name)},
                           {"epoch", epoch},
                           {"train_loss", loss},
                           {"validation_loss", validation.loss},
                           {"validation_top1", validation.top1}});
    progress_.Print(fmt::format(
        "{} {}, epoch {}/{}: loss {:.4f}, validation {:.2f} %", set_,
        method_.name, epoch, options_.epochs, loss, 100.0 * validation.top1));
  }

  const TasksOptions& options_;
  std::string set_;
  const MethodRow& method_;
  nn::Model* model_;
  const RunFolder& folder_;
  Key key_;
  datasets::SplitViews split_;
  datasets::BatchStream train_, validation_;
  DType dtype_;  // of activations
  Progress progress_;
  ScheduleSpec schedule_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<TrainingStep> training_;
};

}  // namespace

TaskResult TrainTask(const Config& config, const std::string& set,
                     const datasets::OpenedDataset& data,
                     const MethodRow& method, const TaskState& backbone,
                     nn::Model* model, const RunFolder& folder) {
  TaskResult result = TaskTrainer(config, set, data, method, model, folder)
                          .Run(backbone, data.classes);
  ApplyTask(model, result.state);
  datasets::BatchStream test(
      data.test,
      MakeBatchOptions(config, data, config.eval.batch, false, Key()));
  result.test = Evaluate(model, &test);
  result.bytes = CountBytes(model, result.state);
  return result;
}

}  // namespace ohm::train
