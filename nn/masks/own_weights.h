// Full fine-tuning: every cell of the layer is the task's own.
#pragma once

#include "nn/masks/mask.h"

namespace ohm::nn {

// W' = the trained weights, from the backbone's on. They are stored as the
// codes that the cells hold (ideal weights: as 32-bit floats).
std::unique_ptr<Mask> MakeOwnWeights(const MaskedLayer& layer,
                                     const MaskOptions& options);

// w, clipped to +-range, which the largest code stands for (0: not clipped). A
// clipped weight has a gradient where that leads back.
Var ClipWeights(const Var& w, float range);

// The same between bounds of each weight's own, like w.
Var ClipWeights(const Var& w, const Tensor& low, const Tensor& high);

// Weights as codes of the cells, and back; for storing. `largest` as in
// MaskedLayer.
int BitsPerWeight(int largest);
uint32_t WeightCode(float w, float range, int largest);
float CodedWeight(uint32_t code, float range, int largest);

}  // namespace ohm::nn
