// Convolution and both gradients. The reference has the forward convolution
// only; each gradient is written as one of other tensors.
#include <algorithm>

#include "bench/compare.h"
#include "bench/work.h"
#include "core/base/check.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/reference.h"

namespace ohm::bench {
namespace {

// Channels that are compared; the naive loops take about 5 ns per product.
constexpr int64_t kSomeChannels = 4;

struct Operands {
  Tensor x, w, gy;
  Conv2dSpec spec;
};

Operands MakeOperands(const KernelRow& row) {
  OHM_CHECK(row.spec.groups == 1,
            "bench kernels: expected a convolution of one group");
  const Shape y = Conv2dOutputShape(row.x, row.w, row.spec);
  return {RandomTensor(row.x, row.dtype, Key(1)),
          RandomTensor(row.w, DType::kF32, Key(2)),
          RandomTensor(y, row.dtype, Key(3)), row.spec};
}

// Along one axis: the pairs of an output and a kernel cell that meet a pixel.
int64_t Meetings(int64_t size, int64_t kernel, int64_t outputs, int64_t stride,
                 int64_t pad, int64_t dilation) {
  int64_t count = 0;
  for (int64_t a = 0; a < kernel; ++a) {
    for (int64_t i = 0; i < outputs; ++i) {
      const int64_t at = i * stride - pad + a * dilation;
      if (at >= 0 && at < size) ++count;
    }
  }
  return count;
}

// All three passes multiply and move the same. Products with the padding's
// zeros do not count, for a good kernel leaves them out: one in six at 8x8.
Work WorkOf(const Operands& o) {
  const Conv2dSpec& s = o.spec;
  const int64_t rows = Meetings(o.x.size(1), o.w.size(1), o.gy.size(1),
                                s.stride_h, s.pad_h, s.dil_h);
  const int64_t columns = Meetings(o.x.size(2), o.w.size(2), o.gy.size(2),
                                   s.stride_w, s.pad_w, s.dil_w);
  Work work;
  work.gflop = 2e-9 * double(o.x.size(0) * rows * columns) *
               double(o.w.size(0) * o.w.size(3));
  work.gbyte = 1e-9 * double(o.x.bytes() + o.w.bytes() + o.gy.bytes());
  return work;
}

Tensor LastImage(const Tensor& t) { return t.Slice(t.size(0) - 1, t.size(0)); }

double ForwardError(const Operands& o) {
  const int64_t some = std::min(kSomeChannels, o.w.size(0));
  const Tensor expected = reference::Conv2d(
      ToF32(LastImage(o.x)), ToF32(o.w.Slice(0, some)), {}, o.spec);
  const Tensor y = ToF32(LastImage(kernels::Conv2d(o.x, o.w, {}, o.spec)));
  return RelativeError(expected, Crop(y, expected.shape()));
}

// gy with stride - 1 zeros between its elements.
Tensor Stuffed(const Tensor& gy, const Conv2dSpec& spec) {
  const int64_t h = gy.size(1), w = gy.size(2), c = gy.size(3);
  const int64_t wide = (w - 1) * spec.stride_w + 1;
  Tensor t = Tensor::Zeros({1, (h - 1) * spec.stride_h + 1, wide, c});
  for (int64_t i = 0; i < h; ++i) {
    for (int64_t j = 0; j < w; ++j) {
      std::copy_n(
          gy.data() + (i * w + j) * c, c,
          t.data() + (i * spec.stride_h * wide + j * spec.stride_w) * c);
    }
  }
  return t;
}

// [out, kh, kw, in] -> [some, kh, kw, out], turned by 180 degrees.
Tensor Turned(const Tensor& w, int64_t some) {
  const int64_t out = w.size(0), kernel = w.size(1) * w.size(2), in = w.size(3);
  Tensor t = Tensor::Empty({some, w.size(1), w.size(2), out});
  for (int64_t i = 0; i < t.count(); ++i) {
    const int64_t k = i / (kernel * out), o = i % out;
    const int64_t cell = kernel - 1 - i / out % kernel;
    t.data()[i] = w.data()[(o * kernel + cell) * in + k];
  }
  return t;
}

// The gradient of an image is the stuffed gy through the turned weights.
double GradInputError(const Operands& o) {
  const Conv2dSpec& s = o.spec;
  Conv2dSpec spec;
  spec.pad_h = s.dil_h * (o.w.size(1) - 1) - s.pad_h;
  spec.pad_w = s.dil_w * (o.w.size(2) - 1) - s.pad_w;
  spec.dil_h = s.dil_h;
  spec.dil_w = s.dil_w;
  const int64_t some = std::min(kSomeChannels, o.w.size(3));
  const Tensor expected = reference::Conv2d(Stuffed(ToF32(LastImage(o.gy)), s),
                                            Turned(ToF32(o.w), some), {}, spec);
  const Tensor gx = ToF32(
      LastImage(kernels::Conv2dGradInput(o.gy, o.w, o.x.shape(), o.spec)));
  return RelativeError(expected, Crop(gx, expected.shape()));
}

// The gradient of the weights is x through gy, with images in the place of
// channels and stride and dilation in each other's.
double GradWeightError(const Operands& o) {
  Conv2dSpec spec = o.spec;
  std::swap(spec.stride_h, spec.dil_h);
  std::swap(spec.stride_w, spec.dil_w);
  const int64_t in = std::min<int64_t>(2, o.w.size(3));
  const int64_t out = std::min<int64_t>(2, o.w.size(0));
  const Tensor sums =
      reference::Conv2d(ChannelsToFront(ToF32(o.x), in),
                        ChannelsToFront(ToF32(o.gy), out), {}, spec);
  const Tensor gw =
      ToF32(kernels::Conv2dGradWeight(o.x, o.gy, o.w.shape(), o.spec));
  // Both as [in, kh, kw, out]; a strided window leaves sums beyond the kernel.
  return RelativeError(
      Crop(sums, {in, o.w.size(1), o.w.size(2), out}),
      Crop(ChannelsToFront(gw, in), {in, o.w.size(1), o.w.size(2), out}));
}

}  // namespace

Work ConvForward(const KernelRow& row) {
  const Operands o = MakeOperands(row);
  Work work = WorkOf(o);
  work.run = [o] { kernels::Conv2d(o.x, o.w, {}, o.spec); };
  work.error = [o] { return ForwardError(o); };
  return work;
}

Work ConvGradInput(const KernelRow& row) {
  const Operands o = MakeOperands(row);
  Work work = WorkOf(o);
  work.run = [o] { kernels::Conv2dGradInput(o.gy, o.w, o.x.shape(), o.spec); };
  work.error = [o] { return GradInputError(o); };
  return work;
}

Work ConvGradWeight(const KernelRow& row) {
  const Operands o = MakeOperands(row);
  Work work = WorkOf(o);
  work.run = [o] { kernels::Conv2dGradWeight(o.x, o.gy, o.w.shape(), o.spec); };
  work.error = [o] { return GradWeightError(o); };
  return work;
}

}  // namespace ohm::bench
