// The network that tasks are added to: programmed, calibrated, and measured on
// its own first task.
#pragma once

#include <functional>
#include <memory>
#include <string>

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
  // Hash of the converter ranges that the weights brought; empty: none, and
  // those of `model` follow from its weights, data and hw.
  std::string own_ranges;
};

// UsageError without hw.preset: tasks adapt a network that sits on crossbars.
void CheckBackbone(const Config& config);

// Whether MakeBackbone has begun to train one into this folder.
bool HasOwnBackbone(const RunFolder& folder);

// From config.model.weights; where there are none, trains it digitally first,
// into `folder`, or with tasks.resume goes on with what an equal config has
// left there. Errors as CheckBackbone, CheckClasses and CheckTraining, or of
// loading the weights. `ready` is called when nothing is left to be checked,
// before anything is trained, written or moved.
Backbone MakeBackbone(
    const Config& config, const RunFolder& folder,
    const std::function<void()>& ready = [] {});

// The test images of `data` in order, eval.batch at a time.
datasets::BatchStream TestStream(const Config& config,
                                 const datasets::OpenedDataset& data);

}  // namespace ohm::train
