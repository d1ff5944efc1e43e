// Convolution layer.
#pragma once

#include "nn/layers/weight_layer.h"

namespace ohm::nn {

struct Conv2dOptions {
  int64_t in = 0, out = 0;  // channels
  int64_t kernel_h = 3, kernel_w = 3;
  Conv2dSpec spec = {};
  bool bias = false;
};

// x [n, h, w, in] -> [n, h', w', out]. Parameters: weight
// [out, kh, kw, in / groups] (Kaiming normal from `key`), bias [out] (zeros).
// Depthwise: groups = in.
class Conv2d : public WeightLayer {
 public:
  Conv2d(const Conv2dOptions& options, Key key);
  Var Forward(const Var& x, const Context& context) override;
  const Conv2dSpec& spec() const { return spec_; }

 private:
  Conv2dSpec spec_;
};

// Square kernel without bias, as ResNets use it.
std::unique_ptr<Conv2d> SquareConv2d(int64_t in, int64_t out, int64_t kernel,
                                     int64_t stride, int64_t pad, Key key);

}  // namespace ohm::nn
