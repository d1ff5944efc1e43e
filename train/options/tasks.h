// Keys of [tasks]: how a backbone is fitted to new tasks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/masks/threshold.h"
#include "train/config_field.h"
#include "train/optim/table.h"
#include "train/options/names.h"
#include "train/options/pes.h"
#include "train/schedule.h"

namespace ohm::train {

struct TasksOptions {
  std::vector<std::string> sets;
  std::vector<std::string> methods = {"head", "bn", "xbm"};
  std::vector<std::string> variants;
  int seeds = 1;
  std::string store = "runs/tasks";
  int switches = 0;
  bool resume = true;
  std::string learn_on = "chip";
  Duration length{10, Duration::Unit::kEpochs};
  Duration validate_every{1, Duration::Unit::kEpochs};
  int batch = 128;
  std::string optimizer = "adam";
  std::string schedule = "cosine";
  Duration step_every{15, Duration::Unit::kEpochs};
  double step_factor = 0.1;
  int crop_padding = 2;
  bool flip = false;
  double lr_mask = 2e-4;
  double lr_scale = 1e-2;
  double lr_weights = 1e-3;
  double lr_head = 1e-3;
  double lr_norm = 1e-3;
  double lr_range = 1e-3;
  std::string teacher = "none";
  double teacher_lr = 3e-3;
  double teacher_share = 0.7;
  double teacher_temperature = 2;
  std::string norm = "affine";
  int norm_batches = 0;
  double mask_threshold = 5e-3;
  double mask_init = 1e-2;
  nn::Estimator estimator = nn::Estimator::kIdentity;
  int shift_min = -3;
  int shift_max = 3;
  bool shift_zero = true;
  int scale_bits = 8;
  PeOptions pes;
  int64_t seed = 1;

  template <typename V>
  void Visit(V&& visit) {
    visit("sets", sets,
          FieldDoc{.choices = DatasetNames(),
                   .doc = "Data sets of the new tasks, in order."});
    visit("methods", methods,
          FieldDoc{.choices = MethodNames(),
                   .doc = "What a new task trains; see 'ohmgrad list'."});
    visit("variants", variants,
          FieldDoc{.doc = "Further rows of 'tasks compare': a method and keys "
                          "of its own, as \"xma2 tasks.budget=0.2\". Several "
                          "values, as tasks.lr_scale=0.01|0.03, are tried "
                          "with the first seed; validation chooses."});
    visit("seeds", seeds,
          FieldDoc{.min = 1,
                   .max = 1000,
                   .doc = "How often 'tasks compare' trains each row, with "
                          "tasks.seed and the numbers behind it."});
    visit("store", store,
          FieldDoc{.doc = "Folder of the store that 'tasks init' makes and "
                          "'tasks add', 'eval', 'switch' and so on work on; "
                          "--store DIR for short."});
    visit("switches", switches,
          FieldDoc{.unit = "switches",
                   .min = 0,
                   .max = 1e6,
                   .doc = "How often 'tasks check' switches at random; "
                          "--switches N for short."});
    visit("resume", resume,
          FieldDoc{.doc = "Go on where a comparison in run.dir stopped; false: "
                          "start over (its results are moved aside)."});
    visit("learn_on", learn_on,
          FieldDoc{.choices = {"chip", "ideal"},
                   .doc = "Train tasks on the chip of the device section, or "
                          "on ideal devices to be moved to that chip; either "
                          "is tested on the chip."});
    visit("length", length,
          FieldDoc{.min = 1e-3,
                   .doc = "How long each new task is trained; of its own "
                          "images."});
    visit("validate_every", validate_every,
          FieldDoc{.min = 1e-3,
                   .doc = "How often the images held out are looked at; the "
                          "best of these moments becomes the task."});
    visit("batch", batch,
          FieldDoc{.unit = "images",
                   .min = 1,
                   .max = 65536,
                   .doc = "Images per step of a new task."});
    visit("optimizer", optimizer,
          FieldDoc{.choices = OptimizerNames(),
                   .doc = "Optimiser of new tasks."});
    visit("schedule", schedule,
          FieldDoc{.choices = {"constant", "step", "cosine"},
                   .doc = "How the learning rates of a new task fall over "
                          "tasks.length."});
    visit("step_every", step_every,
          FieldDoc{.min = 1e-3,
                   .doc = "With schedule step: from one fall to the next."});
    visit("step_factor", step_factor,
          FieldDoc{.min = 0,
                   .max = 1,
                   .doc = "With schedule step: what the rates are multiplied "
                          "by."});
    visit("crop_padding", crop_padding,
          FieldDoc{.unit = "pixels",
                   .min = 0,
                   .max = 512,
                   .doc = "As data.crop_padding, for the new tasks."});
    visit("flip", flip,
          FieldDoc{.doc = "As data.flip, for the new tasks (traffic signs "
                          "must not be mirrored)."});
    visit("lr_mask", lr_mask,
          FieldDoc{.min = 0,
                   .max = 1000,
                   .doc = "Learning rate of masks that a threshold cuts."});
    visit("lr_scale", lr_scale,
          FieldDoc{.min = 0,
                   .max = 1000,
                   .doc = "Learning rate of masks of factors: of xma's "
                          "exponents, of scale's factors."});
    visit("lr_weights", lr_weights,
          FieldDoc{.min = 0,
                   .max = 1000,
                   .doc = "Learning rate of the weights of rewritten cells."});
    visit("lr_head", lr_head,
          FieldDoc{.min = 0, .max = 1000, .doc = "Learning rate of heads."});
    visit("lr_norm", lr_norm,
          FieldDoc{.min = 0,
                   .max = 1000,
                   .doc = "Learning rate of a task's own normalisation."});
    visit("lr_range", lr_range,
          FieldDoc{.min = 0,
                   .max = 1000,
                   .doc = "Learning rate of converter ranges, where they are "
                          "learned (hw.calibration)."});
    visit("teacher", teacher,
          FieldDoc{.choices = {"none", "full"},
                   .doc = "What learns the task first, as a network of its "
                          "own, for its outputs to be learned from next to "
                          "the labels (distillation); full: all weights."});
    visit(
        "teacher_lr", teacher_lr,
        FieldDoc{
            .min = 0, .max = 1000, .doc = "tasks.lr_weights of the teacher."});
    visit("teacher_share", teacher_share,
          FieldDoc{.unit = "share",
                   .min = 0,
                   .max = 1,
                   .doc = "Of the loss, what the teacher's outputs have; the "
                          "labels have the rest."});
    visit("teacher_temperature", teacher_temperature,
          FieldDoc{.min = 0.1,
                   .max = 100,
                   .doc = "What the teacher's outputs, and those that learn "
                          "from them, are divided by before the softmax; above "
                          "1 unlikely classes count for more."});
    visit("norm", norm,
          FieldDoc{.choices = {"frozen", "statistics", "affine"},
                   .doc = "Batch norm of a new task: the first task's, own "
                          "statistics, or also own scale and shift."});
    visit("norm_batches", norm_batches,
          FieldDoc{.unit = "batches",
                   .min = 0,
                   .max = 100000,
                   .doc = "Training batches that a learned task's batch norm "
                          "statistics follow on its chip, by running means: of "
                          "those of learning 0.9^N is left, after 40 batches "
                          "1.5 %."});
    visit("mask_threshold", mask_threshold,
          FieldDoc{
              .min = -100,
              .max = 100,
              .doc = "Score above which an entry of a mask, or a PE's gate, is "
                     "1; piggyback3: at least 0."});
    visit(
        "mask_init", mask_init,
        FieldDoc{
            .min = -100, .max = 100, .doc = "First score of masks and gates."});
    visit("estimator", estimator,
          FieldDoc{.choices = {"identity", "clipped", "sigmoid", "gumbel"},
                   .doc = "Gradient of a mask's or gate's threshold; gumbel: "
                          "sigmoid with noise. piggyback3 passes every "
                          "gradient."});
    visit("shift_min", shift_min,
          FieldDoc{.min = -16,
                   .max = 0,
                   .doc = "Smallest exponent of two that xma multiplies a "
                          "column by."});
    visit("shift_max", shift_max,
          FieldDoc{.min = 0, .max = 8, .doc = "Largest one."});
    visit("shift_zero", shift_zero,
          FieldDoc{.doc = "Whether xma may switch columns off, too."});
    visit("scale_bits", scale_bits,
          FieldDoc{.unit = "bits",
                   .min = 0,
                   .max = 16,
                   .doc = "Of scale's factors, from -2 to 2; 0: floats of 32 "
                          "bits."});
    pes.Visit(visit);
    visit("seed", seed,
          FieldDoc{.min = 0,
                   .max = 1e15,
                   .doc = "Seed of heads, order and augmentation of new "
                          "tasks."});
  }
};

}  // namespace ohm::train
