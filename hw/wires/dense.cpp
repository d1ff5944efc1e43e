#include "hw/wires/dense.h"

#include <algorithm>
#include <new>

#define OHM_INLINE inline __attribute__((always_inline))

namespace ohm::hw {
namespace {

// One AVX-512 register, two of AVX2, four of SSE.
using Lanes = double __attribute__((vector_size(64), may_alias));

OHM_INLINE const Lanes& Load(const double* p) {
  return *reinterpret_cast<const Lanes*>(p);
}
OHM_INLINE void Store(const Lanes& value, double* p) {
  *reinterpret_cast<Lanes*>(p) = value;
}

// p [8, 8] := a^-1 of the block at `a`, one pivot at a time.
OHM_INLINE void InvertPivots(const double* a, int64_t n, double* p) {
  for (int64_t i = 0; i < kLane; ++i) Store(Load(a + i * n), p + i * kLane);
  for (int64_t k = 0; k < kLane; ++k) {
    const double inverse = 1 / p[k * kLane + k];
    p[k * kLane + k] = 1;
    const Lanes row = Load(p + k * kLane) * inverse;
    for (int64_t i = 0; i < kLane; ++i) {
      const double factor = p[i * kLane + k];
      p[i * kLane + k] = 0;
      Store(Load(p + i * kLane) - factor * row, p + i * kLane);
    }
    Store(row, p + k * kLane);
  }
}

// u [8, n] = rows k .. k+7 of `a`. Those right of the diagonal come from the
// columns below it, which are set to 0.
OHM_INLINE void TakePanel(double* a, int64_t n, int64_t k, double* u) {
  for (int64_t r = 0; r < kLane; ++r) {
    std::copy_n(a + (k + r) * n, k + kLane, u + r * n);
  }
  for (int64_t i = k + kLane; i < n; ++i) {
    double* row = a + i * n + k;
    for (int64_t r = 0; r < kLane; ++r) u[r * n + i] = row[r];
    Store(Lanes{}, row);
  }
}

// t [8, n] = p * u, but -p in the columns of the pivots.
OHM_INLINE void ScalePanel(const double* p, const double* u, int64_t n,
                           int64_t k, double* t) {
  for (int64_t j = 0; j < n; j += kLane) {
    for (int64_t r = 0; r < kLane; ++r) {
      Lanes sum{};
      for (int64_t m = 0; m < kLane; ++m) {
        sum += p[r * kLane + m] * Load(u + m * n + j);
      }
      Store(j == k ? -Load(p + r * kLane) : sum, t + r * n + j);
    }
  }
}

// A kRows x (kVectors * 8) piece of `a` minus the product of both panels.
template <int kRows, int kVectors>
OHM_INLINE void UpdatePiece(const double* u, const double* t, int64_t n,
                            double* a) {
  Lanes sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = Load(a + r * n + v * kLane);
    }
  }
  for (int64_t k = 0; k < kLane; ++k) {
    Lanes row[kVectors];
    for (int v = 0; v < kVectors; ++v) row[v] = Load(t + k * n + v * kLane);
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) sum[r][v] -= u[k * n + r] * row[v];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      Store(sum[r][v], a + r * n + v * kLane);
    }
  }
}

// Rows i .. i+7 up to the diagonal.
template <int kRows, int kVectors>
OHM_INLINE void UpdateRows(const double* u, const double* t, int64_t n,
                           int64_t i, double* a) {
  for (int64_t r = i; r < i + kLane; r += kRows) {
    int64_t j = 0;
    for (; j + kVectors * kLane <= i + kLane; j += kVectors * kLane) {
      UpdatePiece<kRows, kVectors>(u + r, t + j, n, a + r * n + j);
    }
    for (; j < i + kLane; j += kLane) {
      UpdatePiece<kRows, 1>(u + r, t + j, n, a + r * n + j);
    }
  }
}

template <int kRows, int kVectors>
OHM_INLINE void Invert(double* a, int64_t n, double* scratch) {
  double *u = scratch, *t = scratch + kLane * n;
  alignas(64) double p[kLane * kLane];
  for (int64_t k = 0; k < n; k += kLane) {
    InvertPivots(a + k * n + k, n, p);
    TakePanel(a, n, k, u);
    ScalePanel(p, u, n, k, t);
    for (int64_t i = 0; i < n; i += kLane) {
      if (i != k) UpdateRows<kRows, kVectors>(u, t, n, i, a);
    }
    for (int64_t r = 0; r < kLane; ++r) {
      std::copy_n(t + r * n, k + kLane, a + (k + r) * n);
    }
  }
}

// kRows x (kVectors * 8) entries of w * a, from row i of w on.
template <int kRows, int kVectors>
OHM_INLINE void MultiplyPiece(const double* w, int64_t n, int64_t i,
                              const double* a, int64_t a_stride, double* c,
                              int64_t c_stride) {
  Lanes sum[kRows][kVectors] = {};
  const auto add = [&](const double* column, int64_t step, int64_t k) {
    Lanes row[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      row[v] = Load(a + k * a_stride + v * kLane);
    }
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) sum[r][v] += column[r * step] * row[v];
    }
  };
  const int64_t diagonal = (i / kLane + 1) * kLane;
  for (int64_t k = 0; k < diagonal; ++k) add(w + i * n + k, n, k);
  for (int64_t k = diagonal; k < n; ++k) add(w + k * n + i, 1, k);
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      Store(sum[r][v], c + (i + r) * c_stride + v * kLane);
    }
  }
}

template <int kRows, int kVectors>
OHM_INLINE void Multiply(const double* w, int64_t n, const double* a,
                         int64_t a_stride, int64_t columns, double* c,
                         int64_t c_stride) {
  int64_t j = 0;
  for (; j + kVectors * kLane <= columns; j += kVectors * kLane) {
    for (int64_t i = 0; i < n; i += kRows) {
      MultiplyPiece<kRows, kVectors>(w, n, i, a + j, a_stride, c + j, c_stride);
    }
  }
  for (; j < columns; j += kLane) {
    for (int64_t i = 0; i < n; i += kRows) {
      MultiplyPiece<kRows, 1>(w, n, i, a + j, a_stride, c + j, c_stride);
    }
  }
}

// Pieces as large as the registers hold: 32 of 8 doubles, 16 of 4, 16 of 2.
#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v4"))) void InvertAvx512(double* a,
                                                            int64_t n,
                                                            double* scratch) {
  Invert<8, 3>(a, n, scratch);
}
__attribute__((target("arch=x86-64-v4"))) void MultiplyAvx512(
    const double* w, int64_t n, const double* a, int64_t a_stride,
    int64_t columns, double* c, int64_t c_stride) {
  Multiply<8, 3>(w, n, a, a_stride, columns, c, c_stride);
}
__attribute__((target("arch=x86-64-v3"))) void InvertAvx2(double* a, int64_t n,
                                                          double* scratch) {
  Invert<4, 1>(a, n, scratch);
}
__attribute__((target("arch=x86-64-v3"))) void MultiplyAvx2(
    const double* w, int64_t n, const double* a, int64_t a_stride,
    int64_t columns, double* c, int64_t c_stride) {
  Multiply<4, 1>(w, n, a, a_stride, columns, c, c_stride);
}
#endif
void InvertPortable(double* a, int64_t n, double* scratch) {
  Invert<2, 1>(a, n, scratch);
}
void MultiplyPortable(const double* w, int64_t n, const double* a,
                      int64_t a_stride, int64_t columns, double* c,
                      int64_t c_stride) {
  Multiply<2, 1>(w, n, a, a_stride, columns, c, c_stride);
}

}  // namespace

AlignedDoubles::AlignedDoubles(int64_t count) {
  const auto bytes =
      size_t(RoundUpToLane(std::max<int64_t>(count, 1))) * sizeof(double);
  data_.reset(static_cast<double*>(std::aligned_alloc(64, bytes)));
  if (data_ == nullptr) throw std::bad_alloc();
  std::fill_n(data_.get(), bytes / sizeof(double), 0.0);
}

const std::vector<DenseKernels>& DenseKernelVariants() {
  static const std::vector<DenseKernels> variants = {
#if defined(__x86_64__)
    {"AVX-512", __builtin_cpu_supports("x86-64-v4") != 0, InvertAvx512,
     MultiplyAvx512},
    {"AVX2", __builtin_cpu_supports("x86-64-v3") != 0, InvertAvx2,
     MultiplyAvx2},
#endif
    {"portable", true, InvertPortable, MultiplyPortable},
  };
  return variants;
}

const DenseKernels& CurrentDenseKernels() {
  static const DenseKernels& best =
      *std::ranges::find_if(DenseKernelVariants(), &DenseKernels::supported);
  return best;
}

}  // namespace ohm::hw
