// Keys of [eval]: what a network is judged by.
#pragma once

#include <cstdint>
#include <string>

#include "train/config_field.h"

namespace ohm::train {

// Which converter ranges chips are evaluated with.
enum class ChipRanges : uint8_t { kEach, kOnce };

struct EvalOptions {
  int batch = 250;
  std::string split = "test";
  int chips = 0;
  ChipRanges calibrate = ChipRanges::kEach;
  int64_t stats_images = 1000;

  template <typename V>
  void Visit(V&& visit) {
    visit("batch", batch,
          FieldDoc{.unit = "images",
                   .min = 1,
                   .max = 65536,
                   .doc = "Images per evaluation step."});
    visit("stats_images", stats_images,
          FieldDoc{.unit = "images",
                   .min = 1,
                   .max = 1e9,
                   .doc = "Images whose partial sums `stats` counts."});
    visit("split", split,
          FieldDoc{.choices = {"test", "train"}, .doc = "Images to judge by."});
    visit("chips", chips,
          FieldDoc{.unit = "chips",
                   .min = 0,
                   .max = 10000,
                   .doc = "Evaluate so many chips, numbers device.chip and on; "
                          "0: device.chip alone, without the table of chips. "
                          "eval --chips N for short."});
    visit("calibrate", calibrate,
          FieldDoc{.choices = {"each", "once"},
                   .doc = "Converter ranges of eval.chips and sweep.chips: set "
                          "on each chip's own cells, or once for all: those in "
                          "model.weights, or else set on ideal devices."});
  }
};

}  // namespace ohm::train
