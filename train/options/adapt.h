// Keys of [adapt]: what makes up for the devices of a chip.
#pragma once

#include "hw/shift_profile.h"
#include "train/config_field.h"

namespace ohm::train {

struct AdaptOptions {
  hw::FitPer inject = hw::FitPer::kNone;
  hw::ShiftModel inject_fit = hw::ShiftModel::kNoise;
  hw::FitPer gain = hw::FitPer::kNone;
  int norm_batches = 0;
  int profile_batches = 8;
  bool in_loop = false;
  int epochs = 0;

  template <typename V>
  void Visit(V&& visit) {
    visit("inject", inject,
          FieldDoc{.choices = {"none", "layer", "tile", "column"},
                   .doc = "Noise injection adaption (NIA): what has a fit of "
                          "its own of the current shift that training injects, "
                          "made on the chip's arrays. Needs hw.adc_per = "
                          "output."});
    visit("inject_fit", inject_fit,
          FieldDoc{.choices = {"noise", "line"},
                   .doc = "What is fitted: the shift's mean and deviation, as "
                          "NIA has it; or the chip's sums by a line over the "
                          "ideal ones, with what deviates from it (ours)."});
    visit("gain", gain,
          FieldDoc{.choices = {"none", "layer", "tile", "column"},
                   .doc = "What has a factor of its own behind the ADCs, "
                          "fitted on each chip by least squares to the ideal "
                          "sums; eval --chips uses it, too. Needs hw.adc_per = "
                          "output and eval.calibrate = each."});
    visit(
        "norm_batches", norm_batches,
        FieldDoc{.unit = "batches",
                 .min = 0,
                 .max = 100000,
                 .doc = "Training batches that each chip's batch normalisation "
                        "statistics follow, by running means: of the model's "
                        "own 0.9^N is left, after 40 batches 1.5 %. eval "
                        "--chips uses it, too."});
    visit("profile_batches", profile_batches,
          FieldDoc{.unit = "batches",
                   .min = 1,
                   .max = 100000,
                   .doc = "Training batches that shifts and gains are fitted "
                          "on."});
    visit("in_loop", in_loop,
          FieldDoc{.doc = "Train on the chip device.chip itself, wires solved "
                          "anew every device.wire_refresh steps."});
    visit("epochs", epochs,
          FieldDoc{.unit = "epochs",
                   .min = 0,
                   .max = 100000,
                   .doc = "Training in place of train.epochs; 0: none."});
  }
};

}  // namespace ohm::train
