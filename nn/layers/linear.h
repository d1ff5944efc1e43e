// Fully connected layer.
#pragma once

#include "nn/layers/weight_layer.h"

namespace ohm::nn {

// x [n, in] -> [n, out]. Parameters: weight [out, in], bias [out], both
// uniform in +-1/sqrt(in) from `key`.
class Linear : public WeightLayer {
 public:
  Linear(int64_t in, int64_t out, Key key);
  Var Forward(const Var& x, const Context& context) override;

  // Starts anew with another number of outputs, as a task's own head does; its
  // policy forgets what it measured with the old weights.
  void Reset(int64_t out, Key key);
};

}  // namespace ohm::nn
