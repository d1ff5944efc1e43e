#include "core/kernels/elementwise.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/kernels/simd.h"

namespace ohm::kernels {
namespace {

// Below this many elements a second thread costs more than it saves.
constexpr int64_t kGrain = 1 << 14;

OHM_SIMD_CLONES void AddLoop(const float* a, const float* b, float* y,
                             int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

OHM_SIMD_CLONES void ReluLoop(const float* x, float* y, int64_t n) {
  // Written so that a NaN stays a NaN and is reported, not hidden.
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] < 0.0F ? 0.0F : x[i];
}

OHM_SIMD_CLONES void ReluBackwardLoop(const float* y, const float* gy,
                                      float* gx, int64_t n) {
  for (int64_t i = 0; i < n; ++i) gx[i] = y[i] > 0.0F ? gy[i] : 0.0F;
}

OHM_SIMD_CLONES void AddRowLoop(const float* row, float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] += row[i];
}

// Transposes `count` matrices [rows, cols] -> [cols, rows].
void TransposeEach(const float* x, float* y, int64_t count, int64_t rows,
                   int64_t cols) {
  const int64_t size = rows * cols;
  ParallelFor(count, std::max<int64_t>(1, kGrain / std::max<int64_t>(size, 1)),
              [&](int64_t begin, int64_t end) {
                for (int64_t n = begin; n < end; ++n) {
                  for (int64_t c = 0; c < cols; ++c) {
                    for (int64_t r = 0; r < rows; ++r) {
                      y[n * size + c * rows + r] = x[n * size + r * cols + c];
                    }
                  }
                }
              });
}

}  // namespace

Tensor Add(const Tensor& a, const Tensor& b) {
  OHM_ASSERT(a.shape() == b.shape());
  Tensor y = Tensor::Empty(a.shape());
  const float *pa = a.data(), *pb = b.data();
  float* py = y.data();
  ParallelFor(a.count(), kGrain, [&](int64_t begin, int64_t end) {
    AddLoop(pa + begin, pb + begin, py + begin, end - begin);
  });
  return y;
}

void AddInPlace(Tensor* into, const Tensor& b) {
  OHM_ASSERT(into->shape() == b.shape());
  float* py = into->data();
  const float* pb = b.data();
  ParallelFor(b.count(), kGrain, [&](int64_t begin, int64_t end) {
    AddLoop(py + begin, pb + begin, py + begin, end - begin);
  });
}

Tensor Relu(const Tensor& x) {
  Tensor y = Tensor::Empty(x.shape());
  const float* px = x.data();
  float* py = y.data();
  ParallelFor(x.count(), kGrain, [&](int64_t begin, int64_t end) {
    ReluLoop(px + begin, py + begin, end - begin);
  });
  return y;
}

Tensor ReluBackward(const Tensor& y, const Tensor& gy) {
  OHM_ASSERT(y.shape() == gy.shape());
  Tensor gx = Tensor::Empty(y.shape());
  const float *py = y.data(), *pg = gy.data();
  float* px = gx.data();
  ParallelFor(y.count(), kGrain, [&](int64_t begin, int64_t end) {
    ReluBackwardLoop(py + begin, pg + begin, px + begin, end - begin);
  });
  return gx;
}

void AddBiasInPlace(Tensor* x, const Tensor& bias) {
  const int64_t channels = bias.count();
  OHM_ASSERT(x->size(-1) == channels);
  float* px = x->data();
  const float* pb = bias.data();
  ParallelFor(x->count() / channels, std::max<int64_t>(1, kGrain / channels),
              [&](int64_t begin, int64_t end) {
                for (int64_t row = begin; row < end; ++row) {
                  AddRowLoop(pb, px + row * channels, channels);
                }
              });
}

Tensor SumRows(const Tensor& x) {
  const int64_t channels = x.size(-1);
  const int64_t rows = x.count() / channels;
  // Fixed blocks, summed in order: the same bits for any thread count.
  constexpr int64_t kBlock = 256;
  const int64_t blocks = (rows + kBlock - 1) / kBlock;
  Tensor sums = Tensor::Zeros({blocks, channels});
  const float* px = x.data();
  float* ps = sums.data();
  ParallelFor(blocks, std::max<int64_t>(1, kGrain / (kBlock * channels)),
              [&](int64_t begin, int64_t end) {
                for (int64_t b = begin; b < end; ++b) {
                  const int64_t last = std::min(rows, (b + 1) * kBlock);
                  for (int64_t r = b * kBlock; r < last; ++r) {
                    AddRowLoop(px + r * channels, ps + b * channels, channels);
                  }
                }
              });
  Tensor total = Tensor::Zeros({channels});
  for (int64_t b = 0; b < blocks; ++b) {
    AddRowLoop(ps + b * channels, total.data(), channels);
  }
  return total;
}

Tensor ToChannelsFirst(const Tensor& x) {
  const int64_t n = x.size(0), h = x.size(1), w = x.size(2), c = x.size(3);
  Tensor y = Tensor::Empty({n, c, h, w});
  TransposeEach(x.data(), y.data(), n, h * w, c);
  return y;
}

Tensor ToChannelsLast(const Tensor& x) {
  const int64_t n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
  Tensor y = Tensor::Empty({n, h, w, c});
  TransposeEach(x.data(), y.data(), n, c, h * w);
  return y;
}

Tensor SubsamplePad(const Tensor& x, int64_t stride, int64_t before,
                    int64_t after) {
  const int64_t h = x.size(1), w = x.size(2), c = x.size(3);
  const int64_t oh = (h + stride - 1) / stride, ow = (w + stride - 1) / stride;
  const int64_t oc = before + c + after;
  Tensor y = Tensor::Zeros({x.size(0), oh, ow, oc});
  const float* px = x.data();
  float* py = y.data();
  ParallelFor(x.size(0) * oh, 8, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / oh, i = row % oh;
      for (int64_t j = 0; j < ow; ++j) {
        std::memcpy(py + (row * ow + j) * oc + before,
                    px + ((n * h + i * stride) * w + j * stride) * c,
                    size_t(c) * sizeof(float));
      }
    }
  });
  return y;
}

Tensor SubsamplePadBackward(const Tensor& gy, const Shape& x_shape,
                            int64_t stride, int64_t before) {
  const int64_t h = x_shape[1], w = x_shape[2], c = x_shape[3];
  const int64_t oh = gy.size(1), ow = gy.size(2), oc = gy.size(3);
  Tensor gx = Tensor::Zeros(x_shape);
  const float* pg = gy.data();
  float* px = gx.data();
  ParallelFor(x_shape[0] * oh, 8, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / oh, i = row % oh;
      for (int64_t j = 0; j < ow; ++j) {
        std::memcpy(px + ((n * h + i * stride) * w + j * stride) * c,
                    pg + (row * ow + j) * oc + before,
                    size_t(c) * sizeof(float));
      }
    }
  });
  return gx;
}

}  // namespace ohm::kernels
