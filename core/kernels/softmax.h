// log(softmax(x)) over the last axis of [n, classes], by oneDNN.
#pragma once

#include "core/tensor/tensor.h"

namespace ohm::kernels {

Tensor LogSoftmax(const Tensor& x);

}  // namespace ohm::kernels
