// How a kernel window moves over an image; shared by convolution, pooling and
// the crossbar.
#pragma once

#include <cstdint>

#include "core/tensor/shape.h"

namespace ohm {

struct Conv2dSpec {
  int64_t stride_h = 1, stride_w = 1;
  int64_t pad_h = 0, pad_w = 0;  // zeros on each side
  int64_t dil_h = 1, dil_w = 1;  // 1 = dense
  int64_t groups = 1;            // divides in and out channels

  static Conv2dSpec Square(int64_t stride, int64_t pad, int64_t dilation = 1,
                           int64_t groups = 1);
  bool operator==(const Conv2dSpec&) const = default;
};

struct Pool2dSpec {
  int64_t kernel_h = 2, kernel_w = 2;
  int64_t stride_h = 2, stride_w = 2;
  int64_t pad_h = 0, pad_w = 0;

  bool operator==(const Pool2dSpec&) const = default;
};

// Positions of a window of `kernel` cells along an axis of `size`; Error where
// the window does not fit even once.
int64_t OutputSize(int64_t size, int64_t kernel, int64_t stride, int64_t pad,
                   int64_t dilation = 1);

// [n, h, w, c] through weights [out, kh, kw, c / groups] -> [n, h', w', out].
// Error, with both shapes, where they do not fit.
Shape Conv2dOutputShape(const Shape& x, const Shape& w, const Conv2dSpec& spec);
Shape Pool2dOutputShape(const Shape& x, const Pool2dSpec& spec);

}  // namespace ohm
