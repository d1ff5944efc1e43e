// Keys of [tasks]: how a backbone is fitted to new tasks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/config_field.h"
#include "train/optim/table.h"
#include "train/options/names.h"

namespace ohm::train {

struct TasksOptions {
  std::vector<std::string> sets;
  std::vector<std::string> methods = {"head", "bn", "xbm"};
  int epochs = 10;
  int batch = 128;
  std::string optimizer = "adam";
  int crop_padding = 2;
  bool flip = false;
  double lr_mask = 2e-4;
  double lr_scale = 1e-2;
  double lr_head = 1e-3;
  double lr_norm = 1e-3;
  std::string norm = "affine";
  double mask_threshold = 5e-3;
  double mask_init = 1e-2;
  std::string estimator = "identity";
  int shift_min = -3;
  int shift_max = 3;
  bool shift_zero = true;
  int64_t seed = 1;

  template <typename V>
  void Visit(V&& visit) {
    visit("sets", sets,
          FieldDoc{.choices = DatasetNames(),
                   .doc = "Data sets of the new tasks, in order."});
    visit("methods", methods,
          FieldDoc{.choices = MethodNames(),
                   .doc = "What a new task trains; see 'ohmgrad list'."});
    visit("epochs", epochs,
          FieldDoc{.unit = "epochs",
                   .min = 1,
                   .max = 100000,
                   .doc = "Passes over each new task's images."});
    visit("batch", batch,
          FieldDoc{.unit = "images",
                   .min = 1,
                   .max = 65536,
                   .doc = "Images per step of a new task."});
    visit("optimizer", optimizer,
          FieldDoc{.choices = OptimizerNames(),
                   .doc = "Optimiser of new tasks."});
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
    visit("lr_head", lr_head,
          FieldDoc{.min = 0, .max = 1000, .doc = "Learning rate of heads."});
    visit("lr_norm", lr_norm,
          FieldDoc{.min = 0,
                   .max = 1000,
                   .doc = "Learning rate of a task's own normalisation."});
    visit("norm", norm,
          FieldDoc{.choices = {"frozen", "statistics", "affine"},
                   .doc = "Batch norm of a new task: the first task's, own "
                          "statistics, or also own scale and shift."});
    visit(
        "mask_threshold", mask_threshold,
        FieldDoc{
            .min = -100, .max = 100, .doc = "Score above which a mask is 1."});
    visit("mask_init", mask_init,
          FieldDoc{.min = -100, .max = 100, .doc = "First score of masks."});
    visit("estimator", estimator,
          FieldDoc{.choices = {"identity", "sigmoid"},
                   .doc = "Gradient of the mask's threshold."});
    visit("shift_min", shift_min,
          FieldDoc{.min = -16,
                   .max = 0,
                   .doc = "Smallest exponent of two that xma multiplies a "
                          "column by."});
    visit("shift_max", shift_max,
          FieldDoc{.min = 0, .max = 8, .doc = "Largest one."});
    visit("shift_zero", shift_zero,
          FieldDoc{.doc = "Whether xma may switch columns off, too."});
    visit("seed", seed,
          FieldDoc{.min = 0,
                   .max = 1e15,
                   .doc = "Seed of heads, order and augmentation of new "
                          "tasks."});
  }
};

}  // namespace ohm::train
