// What the oneDNN convolutions share: how a convolution is described to oneDNN
// and kept. Names oneDNN's types, so only onednn_*.cpp may include it.
#pragma once

#include <dnnl.hpp>
#include <vector>

#include "core/kernels/conv2d.h"
#include "core/kernels/onednn_support.h"

namespace ohm::kernels {

using Dims = dnnl::memory::dims;

struct ConvProblem {
  Dims x, w, y, bias, strides, pads, dilations;
  dnnl::memory::desc x_desc, y_desc, w_desc;  // as they lie in our memory
  // What oneDNN may choose: of the images' type, and f32 for a gradient.
  dnnl::memory::desc any_w, any_gw;
};

ConvProblem DescribeConv(const Shape& x, const Shape& w, const Shape& y,
                         const Conv2dSpec& spec, DType dtype);

// The key of a OneDnnCache: everything that DescribeConv reads.
std::vector<int64_t> ConvKey(const Shape& x, const Shape& w,
                             const Conv2dSpec& s, DType dtype, bool bias);

dnnl::convolution_forward::primitive_desc ConvForwardDesc(const ConvProblem& p,
                                                          bool bias);

// A convolution whose weights may want another layout than ours: oneDNN's
// kernels read and write blocked weights, which are small against the images.
struct ConvPrimitives {
  dnnl::primitive run;
  dnnl::reorder reorder;  // ours -> theirs, or theirs -> ours for grad weight
  dnnl::memory::desc x, y, w_ours, w_theirs;
  bool reorders = false;
};

void PlanReorder(ConvPrimitives* p, bool to_ours);

dnnl::memory Wrap(const dnnl::memory::desc& desc, const Tensor& t,
                  int64_t byte_offset = 0);

// Uninitialised bytes for something of `desc`, `copies` times.
Tensor Room(const dnnl::memory::desc& desc, int copies = 1);

}  // namespace ohm::kernels
