// Batch normalisation layer.
#pragma once

#include "core/ops/batch_norm2d.h"
#include "nn/module.h"

namespace ohm::nn {

// What a forward pass in training does with the statistics.
enum class NormMode : uint8_t {
  kBatch,   // normalise with the batch, update the running statistics
  kFrozen,  // normalise with the running statistics, leave them alone
};

// x [n, h, w, channels] -> the same shape. Parameters: weight, bias
// [channels]; buffers: running_mean, running_var. Evaluation always uses the
// running statistics.
class BatchNorm2d : public Module {
 public:
  explicit BatchNorm2d(int64_t channels);
  Var Forward(const Var& x, const Context& context) override {
    return Forward(x, context, {});
  }
  // With what follows it, in one pass over the images.
  Var Forward(const Var& x, const Context& context, const AfterNorm& after);
  void set_mode(NormMode mode) { mode_ = mode; }

 private:
  static constexpr float kEps = 1e-5F;      // PyTorch's
  static constexpr double kMomentum = 0.1;  // PyTorch's

  NormMode mode_ = NormMode::kBatch;
  Var weight_, bias_;
  Tensor running_mean_, running_var_;
};

}  // namespace ohm::nn
