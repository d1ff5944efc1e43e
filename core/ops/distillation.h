// The loss of a network that learns from another one's outputs (Hinton, Vinyals
// and Dean, "Distilling the knowledge in a neural network", 2015, section 2).
#pragma once

#include "core/autograd/var.h"

namespace ohm {

// Mean over the batch of T^2 KL(softmax(teacher / T) || softmax(logits / T)),
// T = `temperature` > 0: 0 where both are alike; T^2 keeps the gradient of one
// size when T grows. logits and teacher [n, classes], n > 0, teacher f32
// (Error otherwise); no gradient flows into it. Output: one element. Saves its
// gradient.
Var DistillationLoss(const Var& logits, const Tensor& teacher,
                     float temperature);

}  // namespace ohm
