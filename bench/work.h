// The work of one kernel case: what is run, how much that is, and how its
// result is judged. Made from a row of the table in bench/kernels.cpp.
#pragma once

#include <functional>
#include <vector>

#include "core/kernels/conv_spec.h"
#include "core/tensor/tensor.h"

namespace ohm::bench {

struct Work {
  double gflop = 0;  // 0 where moving the numbers is what takes time
  double gbyte = 0;  // every operand read or written once
  std::function<void()> run;
  // RelativeError against core/kernels/reference.h; on a slice, where the naive
  // twin would take too long on the whole.
  std::function<double()> error;
};

struct KernelRow;

struct Pass {
  const char* name;  // "forward"
  Work (*make)(const KernelRow& row);
};

struct KernelRow {
  const char* name;           // "conv resnet20 16"
  DType dtype = DType::kF32;  // of x, y and their gradients
  Shape x;
  Shape w;          // of convolution and matmul
  Conv2dSpec spec;  // of convolution
  std::vector<Pass> passes;
};

Work ConvForward(const KernelRow& row);
Work ConvGradInput(const KernelRow& row);
Work ConvGradWeight(const KernelRow& row);

Work MatmulForward(const KernelRow& row);  // x [m, k], w [n, k]
Work BatchNormForward(const KernelRow& row);
Work BatchNormBackward(const KernelRow& row);
// With a residual branch and the rectifier behind it.
Work FusedNormForward(const KernelRow& row);
Work FusedNormBackward(const KernelRow& row);
Work LogSoftmaxForward(const KernelRow& row);
Work ReluForward(const KernelRow& row);
Work AddForward(const KernelRow& row);

}  // namespace ohm::bench
