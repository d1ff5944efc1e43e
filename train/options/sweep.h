// Keys of [sweep]: points at which an experiment is repeated.
#pragma once

#include <string>
#include <vector>

#include "train/config_field.h"

namespace ohm::train {

struct SweepOptions {
  std::vector<std::string> grid;
  std::vector<std::string> points;
  int epochs = 0;
  int chips = 0;
  std::string plot_x;

  template <typename V>
  void Visit(V&& visit) {
    visit("grid", grid,
          FieldDoc{.doc = "Keys with the values they take, such as "
                          "\"hw.adc_bits=4,6,8\"; every combination is a "
                          "point."});
    visit("points", points,
          FieldDoc{.doc = "Single points: key=value, several of them parted "
                          "by ';' or else by spaces."});
    visit("epochs", epochs,
          FieldDoc{.unit = "epochs",
                   .min = 0,
                   .max = 100000,
                   .doc = "Training at each point, in place of train.epochs; "
                          "0: none, only calibrated."});
    visit("chips", chips,
          FieldDoc{.unit = "chips",
                   .min = 0,
                   .max = 10000,
                   .doc = "Evaluate each point on so many chips, in place of "
                          "eval.chips; training is on device.chip. 0: all on "
                          "device.chip."});
    visit("plot_x", plot_x,
          FieldDoc{.doc = "Key of sweep.grid on the x axis, the others make "
                          "the lines; empty: its first."});
  }
};

}  // namespace ohm::train
