#include "core/kernels/layout.h"

#include <algorithm>
#include <cstring>

#include "core/base/parallel.h"
#include "core/kernels/float_type.h"

namespace ohm::kernels {
namespace {

// Elements per thread below which a second thread costs more than it saves.
constexpr int64_t kGrain = 1 << 14;

// Transposes `count` matrices [rows, cols] -> [cols, rows].
template <typename T>
void TransposeEach(const T* x, T* y, int64_t count, int64_t rows,
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

// Where the cells of a subsampled and padded image lie, in bytes.
struct SubsampleMap {
  int64_t h, w, oh, ow, stride;
  size_t cell, padded_cell, offset;

  SubsampleMap(const Shape& x, const Shape& y, int64_t stride_in,
               int64_t before, size_t element)
      : h(x[1]),
        w(x[2]),
        oh(y[1]),
        ow(y[2]),
        stride(stride_in),
        cell(size_t(x[3]) * element),
        padded_cell(size_t(y[3]) * element),
        offset(size_t(before) * element) {}

  // Calls visit(byte in x, byte in y) for every cell that both have.
  template <typename Visit>
  void Each(int64_t images, const Visit& visit) const {
    ParallelFor(images * oh, 8, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t n = row / oh, i = row % oh;
        for (int64_t j = 0; j < ow; ++j) {
          visit(size_t((n * h + i * stride) * w + j * stride) * cell,
                size_t(row * ow + j) * padded_cell + offset);
        }
      }
    });
  }
};

}  // namespace

Tensor ToChannelsFirst(const Tensor& x) {
  const int64_t n = x.size(0), h = x.size(1), w = x.size(2), c = x.size(3);
  Tensor y = Tensor::Empty({n, c, h, w}, x.dtype());
  VisitFloatType(x.dtype(), [&]<typename T>(T) {
    TransposeEach(x.data<T>(), y.data<T>(), n, h * w, c);
  });
  return y;
}

Tensor ToChannelsLast(const Tensor& x) {
  const int64_t n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
  Tensor y = Tensor::Empty({n, h, w, c}, x.dtype());
  VisitFloatType(x.dtype(), [&]<typename T>(T) {
    TransposeEach(x.data<T>(), y.data<T>(), n, c, h * w);
  });
  return y;
}

Tensor SubsamplePad(const Tensor& x, int64_t stride, int64_t before,
                    int64_t after) {
  const int64_t h = x.size(1), w = x.size(2);
  Tensor y =
      Tensor::Empty({x.size(0), (h + stride - 1) / stride,
                     (w + stride - 1) / stride, before + x.size(3) + after},
                    x.dtype());
  const SubsampleMap map(x.shape(), y.shape(), stride, before,
                         SizeOf(x.dtype()));
  const std::byte* from = x.raw();
  std::byte* to = y.raw();
  map.Each(x.size(0), [&](size_t in_x, size_t in_y) {
    std::byte* cell = to + in_y - map.offset;
    std::memset(cell, 0, map.offset);
    std::memcpy(cell + map.offset, from + in_x, map.cell);
    const size_t written = map.offset + map.cell;
    std::memset(cell + written, 0, map.padded_cell - written);
  });
  return y;
}

Tensor SubsamplePadBackward(const Tensor& gy, const Shape& x_shape,
                            int64_t stride, int64_t before) {
  Tensor gx = Tensor::Zeros(x_shape, gy.dtype());
  const SubsampleMap map(x_shape, gy.shape(), stride, before,
                         SizeOf(gy.dtype()));
  const std::byte* from = gy.raw();
  std::byte* to = gx.raw();
  map.Each(x_shape[0], [&](size_t in_x, size_t in_y) {
    std::memcpy(to + in_x, from + in_y, map.cell);
  });
  return gx;
}

}  // namespace ohm::kernels
