// Cutting real-valued scores at a threshold, and how the gradient passes.
#pragma once

#include "core/autograd/var.h"
#include "core/base/random.h"

namespace ohm::nn {

// d entry / d score (docs/masks.md has formulas and sources).
enum class Estimator : uint8_t {
  kIdentity,  // Piggyback's: 1 everywhere
  kClipped,   // 1 within 0.1 of the threshold, else 0
  kSigmoid,   // KSM's: 12 s (1 - s), s = sigmoid(12 (score - threshold))
  kGumbel,    // the same with Gumbel noise in training, as KSM's code has it
};

struct Cut {
  float threshold = 5e-3F;  // an entry is on where its score is greater
  Estimator estimator = Estimator::kIdentity;
};

// What one forward pass tells a mask.
struct MaskPass {
  bool training = false;
  Key noise = Key();  // of this pass and layer
};

// 1 where score > threshold, else 0. With kGumbel in training the scores are
// noisy: 12 (score - threshold) + (g1 - g2) / 100, drawn from pass.noise.
Var Binarize(const Var& scores, const Cut& cut, const MaskPass& pass = {});

// Piggyback's ternary: -1 below 0, 0 up to the threshold, 1 above; identity
// gradient.
Var Ternarize(const Var& scores, float threshold);

}  // namespace ohm::nn
