#include "train/training_step.h"

#include <cmath>

#include "core/base/check.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/elementwise.h"
#include "core/ops/add.h"
#include "core/ops/distillation.h"
#include "core/ops/mul.h"
#include "core/ops/softmax_cross_entropy.h"
#include "train/evaluate.h"

namespace ohm::train {

StepOptions MakeStepOptions(const Config& config) {
  const bool bf16 = config.train.dtype == "bf16";
  OHM_CHECK(!bf16 || kernels::HasBFloat16(),
            "train.dtype: bf16 needs a processor with AVX-512, which this "
            "machine has not; use f32");
  return {.dtype = bf16 ? DType::kBF16 : DType::kF32,
          .label_smoothing = float(config.train.label_smoothing),
          .grad_clip = config.train.grad_clip};
}

TrainingStep::TrainingStep(nn::Module* model, Optimizer* optimizer,
                           const StepOptions& options)
    : model_(model), optimizer_(optimizer), options_(options) {}

// The teacher's outputs; undefined without one. It draws noise as in use.
Tensor TrainingStep::Taught(const Var& images, Key noise) {
  if (teacher_ == nullptr) return {};
  const NoGrad off;
  const Var logits =
      teacher_->Forward(images, {.noise = noise.Child("teacher")});
  return kernels::Cast(logits.value(), DType::kF32);
}

Var TrainingStep::Loss(const Var& logits, std::span<const int32_t> labels,
                       const Tensor& taught) const {
  const Var hard =
      SoftmaxCrossEntropy(logits, labels, options_.label_smoothing);
  if (!taught.defined()) return hard;
  const Var soft = DistillationLoss(logits, taught, teaching_.temperature);
  const auto times = [](const Var& loss, float share) {
    return Mul(loss, Var(Tensor::Scalar(share)));
  };
  return Add(times(hard, 1 - teaching_.share), times(soft, teaching_.share));
}

StepResult TrainingStep::Run(const datasets::Batch& batch, double lr,
                             Key noise) {
  const Arena::Scope scope(&arena_);
  const Var images(kernels::Cast(batch.images, options_.dtype));
  const Tensor taught = Taught(images, noise);
  StepResult result;
  Var loss;
  {
    const Var logits =
        model_->Forward(images, {.training = true, .noise = noise});
    loss = Loss(logits, batch.labels, taught);
    result.loss = double(loss.value().item());
    result.correct =
        CountCorrect(kernels::Cast(logits.value(), DType::kF32), batch.labels);
  }
  if (!std::isfinite(result.loss)) return result;
  kept_bytes_ = arena_.live_bytes();
  Backward(loss);
  if (options_.grad_clip > 0) {
    ClipGradNorm(model_->Parameters(), options_.grad_clip);
  }
  optimizer_->Step(lr);
  optimizer_->ClearGrads();
  return result;
}

std::string NameOfNotFinite(nn::Module* model) {
  for (const auto& p : model->Parameters()) {
    if (p.var.defined() && !AllFinite(p.var.value())) return p.name;
  }
  for (const auto& b : model->Buffers()) {
    if (b.tensor->defined() && !AllFinite(*b.tensor)) return b.name;
  }
  return "";
}

}  // namespace ohm::train
