// One step of training, as every trainer and benchmark takes it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/tensor/arena.h"
#include "datasets/batch_stream.h"
#include "nn/module.h"
#include "train/config.h"
#include "train/optim/optimizer.h"

namespace ohm::train {

struct StepOptions {
  DType dtype = DType::kF32;  // of activations and their gradients
  float label_smoothing = 0;
  double grad_clip = 0;  // 0: no limit
};

// What `config` asks for; Error where this machine cannot compute with it.
StepOptions MakeStepOptions(const Config& config);

struct Teaching {
  float share = 0, temperature = 1;
};

struct StepResult {
  double loss = 0;  // mean over the batch; not finite: no parameter was updated
  int64_t correct = 0;
};

// Forward, loss, backward, update. Holds the memory of a step from one to the
// next. For one thread.
class TrainingStep {
 public:
  // `model` and `optimizer` must outlive it.
  TrainingStep(nn::Module* model, Optimizer* optimizer,
               const StepOptions& options);

  // `noise`: the randomness of this step's layers, a key of its own.
  StepResult Run(const datasets::Batch& batch, double lr, Key noise);

  // From now on the loss is (1 - share) of that of labels and `share` of that
  // of the teacher's outputs (core/ops/distillation.h) for the same images.
  // `teacher` must outlive it.
  void LearnFrom(nn::Module* teacher, const Teaching& teaching) {
    teacher_ = teacher;
    teaching_ = teaching;
  }

  const Arena& arena() const { return arena_; }
  // Bytes that were alive between forward and backward of the last step: the
  // activations that backward needs.
  size_t kept_bytes() const { return kept_bytes_; }

 private:
  Tensor Taught(const Var& images, Key noise);
  Var Loss(const Var& logits, std::span<const int32_t> labels,
           const Tensor& taught) const;

  nn::Module* model_;
  Optimizer* optimizer_;
  StepOptions options_;
  nn::Module* teacher_ = nullptr;  // null: labels alone
  Teaching teaching_;
  Arena arena_;
  size_t kept_bytes_ = 0;
};

// The name of the first parameter or buffer that holds a NaN or an infinity;
// empty: none does.
std::string NameOfNotFinite(nn::Module* model);

}  // namespace ohm::train
