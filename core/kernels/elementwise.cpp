#include "core/kernels/elementwise.h"

#include <algorithm>

#include "core/base/parallel.h"
#include "core/kernels/float_type.h"
#include "core/kernels/simd.h"

namespace ohm::kernels {
namespace {

// Below this many elements a second thread costs more than it saves.
constexpr int64_t kGrain = 1 << 14;

OHM_LOOP_BODY void AddBody(const T* a, const T* b, T* y, int64_t n) {
#pragma GCC ivdep  // y may be a: that is still no dependence between turns
  for (int64_t i = 0; i < n; ++i) {
    y[i] = FromFloat<T>(ToFloat(a[i]) + ToFloat(b[i]));
  }
}
OHM_SIMD_CLONES void AddLoop(const float* a, const float* b, float* y,
                             int64_t n) {
  AddBody(a, b, y, n);
}
OHM_SIMD_CLONES void AddLoop(const BFloat16* a, const BFloat16* b, BFloat16* y,
                             int64_t n) {
  AddBody(a, b, y, n);
}

OHM_LOOP_BODY void ReluBody(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    // Written so that a NaN stays a NaN and is reported, not hidden.
    const float v = ToFloat(x[i]);
    y[i] = FromFloat<T>(v < 0.0F ? 0.0F : v);
  }
}
OHM_SIMD_CLONES void ReluLoop(const float* x, float* y, int64_t n) {
  ReluBody(x, y, n);
}
OHM_SIMD_CLONES void ReluLoop(const BFloat16* x, BFloat16* y, int64_t n) {
  ReluBody(x, y, n);
}

OHM_LOOP_BODY void ReluBackwardBody(const T* y, const T* gy, T* gx, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    gx[i] = ToFloat(y[i]) > 0.0F ? gy[i] : T{};
  }
}
OHM_SIMD_CLONES void ReluBackwardLoop(const float* y, const float* gy,
                                      float* gx, int64_t n) {
  ReluBackwardBody(y, gy, gx, n);
}
OHM_SIMD_CLONES void ReluBackwardLoop(const BFloat16* y, const BFloat16* gy,
                                      BFloat16* gx, int64_t n) {
  ReluBackwardBody(y, gy, gx, n);
}

// x += row
OHM_LOOP_BODY void AddRowBody(const float* row, T* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] = FromFloat<T>(ToFloat(x[i]) + row[i]);
}
OHM_SIMD_CLONES void AddRowLoop(const float* row, float* x, int64_t n) {
  AddRowBody(row, x, n);
}
OHM_SIMD_CLONES void AddRowLoop(const float* row, BFloat16* x, int64_t n) {
  AddRowBody(row, x, n);
}

// sums += x
OHM_SIMD_CLONES void SumLoop(const float* x, float* sums, int64_t n) {
  for (int64_t i = 0; i < n; ++i) sums[i] += x[i];
}
OHM_SIMD_CLONES void SumLoop(const BFloat16* x, float* sums, int64_t n) {
  for (int64_t i = 0; i < n; ++i) sums[i] += ToFloat(x[i]);
}

OHM_SIMD_CLONES void CastLoop(const float* x, BFloat16* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = FromFloat<BFloat16>(x[i]);
}
OHM_SIMD_CLONES void CastLoop(const BFloat16* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = ToFloat(x[i]);
}

template <typename From, typename To>
void CastAll(const Tensor& x, Tensor* y) {
  const From* px = x.data<From>();
  To* py = y->data<To>();
  ParallelFor(x.count(), kGrain, [&](int64_t begin, int64_t end) {
    CastLoop(px + begin, py + begin, end - begin);
  });
}

}  // namespace

Tensor Cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = Tensor::Empty(x.shape(), dtype);
  if (dtype == DType::kBF16) {
    CastAll<float, BFloat16>(x, &y);
  } else {
    CastAll<BFloat16, float>(x, &y);
  }
  return y;
}

Tensor Add(const Tensor& a, const Tensor& b) {
  OHM_ASSERT(a.shape() == b.shape());
  Tensor y = Tensor::Empty(a.shape(), a.dtype());
  VisitFloatType(a.dtype(), [&]<typename T>(T) {
    const T *pa = a.data<T>(), *pb = b.data<T>();
    T* py = y.data<T>();
    ParallelFor(a.count(), kGrain, [&](int64_t begin, int64_t end) {
      AddLoop(pa + begin, pb + begin, py + begin, end - begin);
    });
  });
  return y;
}

void AddInPlace(Tensor* into, const Tensor& b) {
  OHM_ASSERT(into->shape() == b.shape());
  VisitFloatType(into->dtype(), [&]<typename T>(T) {
    T* py = into->data<T>();
    const T* pb = b.data<T>();
    ParallelFor(b.count(), kGrain, [&](int64_t begin, int64_t end) {
      AddLoop(py + begin, pb + begin, py + begin, end - begin);
    });
  });
}

Tensor Relu(const Tensor& x) {
  Tensor y = Tensor::Empty(x.shape(), x.dtype());
  VisitFloatType(x.dtype(), [&]<typename T>(T) {
    const T* px = x.data<T>();
    T* py = y.data<T>();
    ParallelFor(x.count(), kGrain, [&](int64_t begin, int64_t end) {
      ReluLoop(px + begin, py + begin, end - begin);
    });
  });
  return y;
}

Tensor ReluBackward(const Tensor& y, const Tensor& gy) {
  OHM_ASSERT(y.shape() == gy.shape());
  Tensor gx = Tensor::Empty(y.shape(), y.dtype());
  VisitFloatType(y.dtype(), [&]<typename T>(T) {
    const T *py = y.data<T>(), *pg = gy.data<T>();
    T* px = gx.data<T>();
    ParallelFor(y.count(), kGrain, [&](int64_t begin, int64_t end) {
      ReluBackwardLoop(py + begin, pg + begin, px + begin, end - begin);
    });
  });
  return gx;
}

void AddBiasInPlace(Tensor* x, const Tensor& bias) {
  const int64_t channels = bias.count();
  OHM_ASSERT(x->size(-1) == channels);
  const float* pb = bias.data();
  VisitFloatType(x->dtype(), [&]<typename T>(T) {
    T* px = x->data<T>();
    ParallelFor(x->count() / channels, std::max<int64_t>(1, kGrain / channels),
                [&](int64_t begin, int64_t end) {
                  for (int64_t row = begin; row < end; ++row) {
                    AddRowLoop(pb, px + row * channels, channels);
                  }
                });
  });
}

Tensor SumRows(const Tensor& x) {
  const int64_t channels = x.size(-1);
  const int64_t rows = x.count() / channels;
  // Fixed blocks, summed in order: the same bits for any thread count.
  constexpr int64_t kBlock = 256;
  const int64_t blocks = (rows + kBlock - 1) / kBlock;
  Tensor sums = Tensor::Zeros({blocks, channels});
  float* ps = sums.data();
  VisitFloatType(x.dtype(), [&]<typename T>(T) {
    const T* px = x.data<T>();
    ParallelFor(blocks, std::max<int64_t>(1, kGrain / (kBlock * channels)),
                [&](int64_t begin, int64_t end) {
                  for (int64_t b = begin; b < end; ++b) {
                    const int64_t last = std::min(rows, (b + 1) * kBlock);
                    for (int64_t r = b * kBlock; r < last; ++r) {
                      SumLoop(px + r * channels, ps + b * channels, channels);
                    }
                  }
                });
  });
  Tensor total = Tensor::Zeros({channels});
  for (int64_t b = 0; b < blocks; ++b) {
    SumLoop(ps + b * channels, total.data(), channels);
  }
  return total;
}

}  // namespace ohm::kernels
