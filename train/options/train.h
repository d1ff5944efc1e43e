// Keys of [train]: how a backbone is trained.
#pragma once

#include <cstdint>
#include <string>

#include "train/config_field.h"
#include "train/optim/optimizer.h"
#include "train/optim/table.h"
#include "train/schedule.h"

namespace ohm::train {

struct TrainOptions {
  int epochs = 40;
  int batch = 128;
  std::string dtype = "f32";
  int64_t seed = 1;
  int threads = 0;
  std::string optimizer = "sgd";
  double lr = 0.1;
  double weight_decay = 5e-4;
  bool decay_norm_and_bias = false;
  OptimizerOptions optimizer_options;
  double label_smoothing = 0;
  std::string schedule = "cosine";
  Duration warmup{0, Duration::Unit::kEpochs};
  Duration step_every{15, Duration::Unit::kEpochs};
  double step_factor = 0.1;
  double final_lr_ratio = 0;
  double onecycle_pct_start = 0.3;
  double onecycle_div = 25;
  double onecycle_final_div = 1e4;
  double grad_clip = 0;
  Duration checkpoint_every{1, Duration::Unit::kEpochs};
  Duration eval_every{1, Duration::Unit::kEpochs};
  int calibration_batches = 8;
  bool resume = false;

  template <typename V>
  void Visit(V&& visit) {
    VisitRun(visit);
    VisitOptimizer(visit);
    VisitSchedule(visit);
  }

  // The learning-rate schedule for a run of `total_steps`.
  ScheduleSpec Schedule(int64_t steps_per_epoch, int64_t total_steps) const;

 private:
  template <typename V>
  void VisitRun(V&& visit) {
    visit("epochs", epochs,
          FieldDoc{.unit = "epochs",
                   .min = 1,
                   .max = 100000,
                   .doc = "Passes over the training images."});
    visit("batch", batch,
          FieldDoc{.unit = "images",
                   .min = 1,
                   .max = 65536,
                   .doc = "Images per step."});
    visit("dtype", dtype,
          FieldDoc{.choices = {"f32", "bf16"},
                   .doc = "Type of activations and their gradients; weights, "
                          "statistics and sums are f32 in any case."});
    visit("seed", seed,
          FieldDoc{.min = 0,
                   .max = 1e15,
                   .doc = "Seed of weights, order and augmentation."});
    visit("threads", threads,
          FieldDoc{.unit = "threads",
                   .min = 0,
                   .max = 1024,
                   .doc = "Threads that compute; 0: one per core "
                          "that the process may use."});
    visit("label_smoothing", label_smoothing,
          FieldDoc{.unit = "share",
                   .min = 0,
                   .max = 0.999,
                   .doc = "Share of the target spread over all classes."});
    visit("grad_clip", grad_clip,
          FieldDoc{.min = 0,
                   .max = 1e9,
                   .doc = "Largest L2 norm of all gradients together; 0: no "
                          "limit."});
    visit(
        "checkpoint_every", checkpoint_every,
        FieldDoc{.min = 0.01, .doc = "How often the training state is saved."});
    visit("eval_every", eval_every,
          FieldDoc{.min = 0.01,
                   .doc = "How often the test set is looked at, at ends of "
                          "epochs, to report only."});
    visit("calibration_batches", calibration_batches,
          FieldDoc{.unit = "batches",
                   .min = 1,
                   .max = 100000,
                   .doc = "Batches that set the converter ranges of "
                          "crossbars."});
    visit("resume", resume,
          FieldDoc{.doc = "Continue the run that is in run.dir, if any."});
  }

  template <typename V>
  void VisitOptimizer(V&& visit) {
    OptimizerOptions& o = optimizer_options;
    visit("optimizer", optimizer,
          FieldDoc{.choices = OptimizerNames(), .doc = "Optimiser."});
    visit("lr", lr,
          FieldDoc{.min = 0,
                   .max = 1000,
                   .doc = "Learning rate; the peak of one-cycle."});
    visit("weight_decay", weight_decay,
          FieldDoc{.min = 0, .max = 10, .doc = "Weight decay."});
    visit("decay_norm_and_bias", decay_norm_and_bias,
          FieldDoc{.doc = "Also decay biases and the scale and shift of "
                          "normalisations."});
    visit("momentum", o.momentum,
          FieldDoc{.min = 0, .max = 0.99999, .doc = "Momentum of sgd."});
    visit("nesterov", o.nesterov,
          FieldDoc{.doc = "Nesterov's form of sgd's momentum."});
    visit("beta1", o.beta1,
          FieldDoc{.min = 0,
                   .max = 0.99999,
                   .doc = "Decay of adam's mean of gradients."});
    visit("beta2", o.beta2,
          FieldDoc{.min = 0,
                   .max = 0.9999999,
                   .doc = "Decay of adam's mean of squared gradients."});
    visit("epsilon", o.epsilon,
          FieldDoc{
              .min = 1e-30, .max = 1, .doc = "Added to adam's denominator."});
    visit("decoupled_decay", o.decoupled_decay,
          FieldDoc{.doc = "Let adam's weight decay act on the weights, not on "
                          "the gradients (AdamW)."});
  }

  template <typename V>
  void VisitSchedule(V&& visit) {
    visit("schedule", schedule,
          FieldDoc{.choices = ScheduleNames(),
                   .doc = "How the learning rate changes."});
    visit("warmup", warmup,
          FieldDoc{.min = 0,
                   .doc = "Linear rise of the learning rate at the start; not "
                          "for onecycle."});
    visit(
        "step_every", step_every,
        FieldDoc{.min = 0.01, .doc = "Schedule step: time between two drops."});
    visit("step_factor", step_factor,
          FieldDoc{.min = 1e-9,
                   .max = 1,
                   .doc = "Schedule step: factor of each drop."});
    visit(
        "final_lr_ratio", final_lr_ratio,
        FieldDoc{.min = 0,
                 .max = 1,
                 .doc = "Schedule cosine: last learning rate over train.lr."});
    visit("onecycle_pct_start", onecycle_pct_start,
          FieldDoc{.unit = "share",
                   .min = 0,
                   .max = 1,
                   .doc = "Schedule onecycle: share of the steps before the "
                          "peak."});
    visit("onecycle_div", onecycle_div,
          FieldDoc{.min = 1e-6,
                   .max = 1e12,
                   .doc = "Schedule onecycle: train.lr over the first rate."});
    visit("onecycle_final_div", onecycle_final_div,
          FieldDoc{.min = 1e-6,
                   .max = 1e12,
                   .doc = "Schedule onecycle: first rate over the last."});
  }
};

}  // namespace ohm::train
