// Maximum, average and global average pooling.
#pragma once

#include "core/autograd/var.h"
#include "core/kernels/conv_spec.h"
#include "core/kernels/pool2d.h"

namespace ohm {

// x [n, h, w, c] -> [n, h', w', c]. Average pooling counts padding as zeros
// (PyTorch's default). The maximum's gradient goes to the first maximum.
Var Pool2d(const Var& x, kernels::PoolKind kind, const Pool2dSpec& spec);

// The mean of every channel: [n, h, w, c] -> [n, c].
Var GlobalAveragePool2d(const Var& x);

}  // namespace ohm
