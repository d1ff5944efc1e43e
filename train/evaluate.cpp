#include "train/evaluate.h"

#include <algorithm>
#include <cstring>

#include "core/base/check.h"
#include "core/ops/softmax_cross_entropy.h"
#include "nn/crossbar_policy.h"

namespace ohm::train {

int64_t CountCorrect(const Tensor& logits, std::span<const int32_t> labels) {
  const int64_t classes = logits.size(1);
  int64_t correct = 0;
  for (size_t n = 0; n < labels.size(); ++n) {
    const float* row = logits.data() + int64_t(n) * classes;
    correct += std::max_element(row, row + classes) - row == labels[n] ? 1 : 0;
  }
  return correct;
}

Score Evaluate(nn::Module* model, datasets::BatchStream* stream,
               Progress* progress) {
  const NoGrad off;
  Score score;
  int64_t correct = 0, step = 0;
  double loss = 0;
  datasets::Batch batch;
  stream->Start(0);
  while (stream->Next(&batch)) {
    const Var logits =
        model->Forward(Var(batch.images), {.first_sample = score.images});
    const auto images = int64_t(batch.labels.size());
    loss += double(SoftmaxCrossEntropy(logits, batch.labels).value().item()) *
            double(images);
    correct += CountCorrect(logits.value(), batch.labels);
    score.images += images;
    if (progress == nullptr) continue;
    progress->Update({.step = ++step,
                      .steps = stream->batches(),
                      .images = score.images,
                      .loss = loss / double(score.images),
                      .accuracy = double(correct) / double(score.images)});
  }
  OHM_CHECK(score.images > 0, "[evaluate] expected images, got an empty set");
  score.top1 = double(correct) / double(score.images);
  score.loss = loss / double(score.images);
  return score;
}

Tensor Logits(nn::Module* model, datasets::BatchStream* stream) {
  const NoGrad off;
  std::vector<Tensor> parts;
  int64_t rows = 0;
  datasets::Batch batch;
  stream->Start(0);
  while (stream->Next(&batch)) {
    parts.push_back(
        model->Forward(Var(batch.images), {.first_sample = rows}).value());
    rows += parts.back().size(0);
  }
  OHM_CHECK(rows > 0, "[logits] expected images, got an empty set");
  Tensor all = Tensor::Empty({rows, parts[0].size(1)});
  int64_t at = 0;
  for (const Tensor& part : parts) {
    all.Slice(at, at + part.size(0)).CopyFrom(part);
    at += part.size(0);
  }
  return all;
}

void Calibrate(nn::Module* model, datasets::BatchStream* stream,
               int64_t batches) {
  if (!nn::OnCrossbar(model)) return;
  const NoGrad off;
  nn::ClearCalibration(model);
  datasets::Batch batch;
  stream->Start(0);
  int64_t seen = 0;
  for (int64_t i = 0; i < batches && stream->Next(&batch); ++i) {
    model->Forward(Var(batch.images),
                   {.calibrating = true, .first_sample = seen});
    seen += batch.images.size(0);
  }
}

void RunBatches(nn::Module* model, datasets::BatchStream* stream,
                int64_t batches, nn::Context context) {
  const NoGrad off;
  OHM_CHECK(stream->batches() > 0 || batches == 0,
            "expected training images for at least one batch, which are "
            "train.batch, or tasks.batch of a task; got fewer");
  datasets::Batch batch;
  int64_t epoch = 0;
  stream->Start(epoch);
  for (int64_t done = 0; done < batches;) {
    if (!stream->Next(&batch)) {
      stream->Start(++epoch);
      continue;
    }
    model->Forward(Var(batch.images), context);
    context.first_sample += int64_t(batch.labels.size());
    ++done;
  }
}

}  // namespace ohm::train
