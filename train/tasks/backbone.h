// The network that tasks are added to: programmed, calibrated, and measured on
// its own first task.
#pragma once

#include <memory>

#include "datasets/table.h"
#include "nn/models/model.h"
#include "train/config.h"
#include "train/run_folder.h"

namespace ohm::train {

struct Backbone {
  Config config;  // with model.weights
  datasets::OpenedDataset data;
  std::unique_ptr<nn::Model> model;  // on crossbars, calibrated
  double digital_top1 = 0;
  double crossbar_top1 = 0;
};

// From config.model.weights; where there are none, trains it digitally first,
// into `folder`, or with tasks.resume goes on with what an equal config has
// left there. UsageError without hw.preset: tasks adapt a network that sits on
// crossbars.
Backbone MakeBackbone(const Config& config, const RunFolder& folder);

// The test images of `data` in order, eval.batch at a time.
datasets::BatchStream TestStream(const Config& config,
                                 const datasets::OpenedDataset& data);

}  // namespace ohm::train
