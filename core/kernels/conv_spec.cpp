#include "core/kernels/conv_spec.h"

#include "core/base/check.h"

namespace ohm {

Conv2dSpec Conv2dSpec::Square(int64_t stride, int64_t pad, int64_t dilation,
                              int64_t groups) {
  return {stride, stride, pad, pad, dilation, dilation, groups};
}

int64_t OutputSize(int64_t size, int64_t kernel, int64_t stride, int64_t pad,
                   int64_t dilation) {
  OHM_CHECK(kernel >= 1 && stride >= 1 && pad >= 0 && dilation >= 1,
            "[window] expected kernel, stride and dilation >= 1 and padding >= "
            "0, got " +
                std::to_string(kernel) + ", " + std::to_string(stride) + ", " +
                std::to_string(dilation) + ", " + std::to_string(pad));
  const int64_t span = dilation * (kernel - 1) + 1;
  OHM_CHECK(size + 2 * pad >= span,
            "[window] a window of " + std::to_string(span) +
                " does not fit into " + std::to_string(size) +
                " with padding " + std::to_string(pad));
  return (size + 2 * pad - span) / stride + 1;
}

Shape Conv2dOutputShape(const Shape& x, const Shape& w,
                        const Conv2dSpec& spec) {
  OHM_CHECK(x.rank() == 4 && w.rank() == 4,
            "[conv2d] expected x [n, h, w, c] and weights [out, kh, kw, in], "
            "got " +
                x.str() + " and " + w.str());
  OHM_CHECK(spec.groups >= 1 && x[3] % spec.groups == 0 &&
                w[0] % spec.groups == 0 && w[3] * spec.groups == x[3],
            "[conv2d] expected weights [out, kh, kw, " + std::to_string(x[3]) +
                " / groups] for x " + x.str() + " with " +
                std::to_string(spec.groups) + " groups, got " + w.str());
  return {x[0], OutputSize(x[1], w[1], spec.stride_h, spec.pad_h, spec.dil_h),
          OutputSize(x[2], w[2], spec.stride_w, spec.pad_w, spec.dil_w), w[0]};
}

Shape Pool2dOutputShape(const Shape& x, const Pool2dSpec& spec) {
  OHM_CHECK(x.rank() == 4, "[pool2d] expected x [n, h, w, c], got " + x.str());
  OHM_CHECK(spec.pad_h * 2 <= spec.kernel_h && spec.pad_w * 2 <= spec.kernel_w,
            "[pool2d] expected padding of at most half the kernel, got " +
                std::to_string(spec.pad_h) + ", " + std::to_string(spec.pad_w));
  return {x[0], OutputSize(x[1], spec.kernel_h, spec.stride_h, spec.pad_h),
          OutputSize(x[2], spec.kernel_w, spec.stride_w, spec.pad_w), x[3]};
}

}  // namespace ohm
