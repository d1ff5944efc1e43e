// The classification loss.
#pragma once

#include <cstdint>
#include <span>

#include "core/autograd/var.h"

namespace ohm {

// Mean over the batch of -sum_k q_k log softmax(logits)_k, where q puts
// 1 - smoothing + smoothing / classes on the label and smoothing / classes on
// every other class (PyTorch's label_smoothing). logits [n, classes]; labels n
// values in 0 .. classes - 1 (Error names the first that is not); smoothing in
// 0 .. 1. Output: one element. Saves its logarithm.
Var SoftmaxCrossEntropy(const Var& logits, std::span<const int32_t> labels,
                        float smoothing = 0.0F);

}  // namespace ohm
