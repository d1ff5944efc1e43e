// Keys of [model]: the network and the weights it starts from.
#pragma once

#include <string>

#include "train/config_field.h"
#include "train/options/names.h"

namespace ohm::train {

struct ModelOptions {
  std::string name = "resnet20";
  int width = 16;
  std::string shortcut = "a";
  int classes = 0;
  std::string weights;
  bool recalibrate = false;

  template <typename V>
  void Visit(V&& visit) {
    visit("name", name, FieldDoc{.choices = ModelNames(), .doc = "Network."});
    visit("width", width,
          FieldDoc{.unit = "channels",
                   .min = 1,
                   .max = 4096,
                   .doc = "Channels of the first stage, where it applies."});
    visit("shortcut", shortcut,
          FieldDoc{.choices = {"a", "b"},
                   .doc = "ResNet shortcuts: a has no weights, b a 1x1 "
                          "convolution."});
    visit("classes", classes,
          FieldDoc{.min = 0,
                   .max = 1e6,
                   .doc = "Outputs; 0: as many as the data set has classes."});
    visit("weights", weights,
          FieldDoc{.doc = "Safetensors file to start from, relative to the "
                          "working folder; empty: random weights."});
    visit("recalibrate", recalibrate,
          FieldDoc{.doc = "Set converter ranges anew instead of taking those "
                          "in model.weights, which belong to the crossbar "
                          "that they were calibrated for."});
  }
};

}  // namespace ohm::train
