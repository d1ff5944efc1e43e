// log(softmax(x)) over the last axis of [n, classes], by oneDNN.
#pragma once

#include "core/tensor/tensor.h"

namespace ohm::kernels {

// `x` and the result are f32 of one shape. Parallel over rows; the same bits at
// any thread count.
Tensor LogSoftmax(const Tensor& x);

}  // namespace ohm::kernels
