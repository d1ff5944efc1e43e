// Accuracy and loss over a data set, and converter calibration.
#pragma once

#include "datasets/batch_stream.h"
#include "nn/module.h"
#include "train/progress.h"

namespace ohm::train {

struct Score {
  double top1 = 0;  // share of images whose largest logit is the label
  double loss = 0;  // mean cross-entropy, nats
  int64_t images = 0;
};

// Runs every image of `stream` once, in evaluation mode. `progress` may be
// null.
Score Evaluate(nn::Module* model, datasets::BatchStream* stream,
               Progress* progress = nullptr);

// The logits of every image, in order: [images, classes].
Tensor Logits(nn::Module* model, datasets::BatchStream* stream);

// Lets crossbars set their converter ranges from the first `batches` batches
// of `stream` (all, where it has fewer); the network is used as it would be in
// evaluation. Nothing happens without crossbars.
void Calibrate(nn::Module* model, datasets::BatchStream* stream,
               int64_t batches);

// Runs the first `batches` batches of `stream`, epoch after epoch, for what
// `context` asks of them: batch normalisation statistics, or a profile that
// looks on. context.first_sample counts on from batch to batch. Error where the
// stream has no batch.
void RunBatches(nn::Module* model, datasets::BatchStream* stream,
                int64_t batches, nn::Context context);

// Number of rows of `logits` whose largest entry is at the label.
int64_t CountCorrect(const Tensor& logits, std::span<const int32_t> labels);

}  // namespace ohm::train
