// Supervised training of a whole network, digitally or through crossbars.
#pragma once

#include "datasets/table.h"
#include "nn/models/model.h"
#include "train/config.h"
#include "train/evaluate.h"
#include "train/run_folder.h"

namespace ohm::train {

struct BackboneResult {
  Score test;                    // after the last epoch
  int64_t epochs = 0;            // finished in all
  double seconds = 0;            // of this call
  double images_per_second = 0;  // while training in this call
};

// UsageError that names the key where config.train cannot train on data.train
// (fewer images than a batch, a warm-up as long as the training), or resume
// what `folder` holds, for that is a training of other keys or images. Error
// where this machine cannot compute with train.dtype.
void CheckTraining(const Config& config, const datasets::OpenedDataset& data,
                   const RunFolder& folder);

// Trains `model` on data.train as config.train says, which CheckTraining
// passes. Metrics (one JSON line per epoch), weights and the state for an exact
// resume go to `folder`; with train.resume a state found there is continued
// with the same bits as if it had never stopped (at as many
// threads: with others floats are summed in another order, which is said), else
// an earlier training there is set aside. The test set is looked at every
// train.eval_every epochs and at the end, only to report: no choice depends on
// it. Error if the loss is not finite (the last checkpoint stays).
BackboneResult TrainBackbone(const Config& config,
                             const datasets::OpenedDataset& data,
                             nn::Model* model, const RunFolder& folder);

}  // namespace ohm::train
