#include "hw/wires/dense.h"

#include <algorithm>
#include <utility>

#include "core/kernels/simd.h"
#include "core/tensor/storage.h"

namespace ohm::hw {
namespace {

// A register of kWidth doubles, and the indices of its elements. Spelled out,
// for g++ takes no vector_size that depends on a template.
template <int kWidth>
struct Register;
template <>
struct Register<2> {
  using Lanes = double __attribute__((vector_size(16), may_alias));
  using Indices = int64_t __attribute__((vector_size(16)));
};
template <>
struct Register<4> {
  using Lanes = double __attribute__((vector_size(32), may_alias));
  using Indices = int64_t __attribute__((vector_size(32)));
};
template <>
struct Register<8> {
  using Lanes = double __attribute__((vector_size(64), may_alias));
  using Indices = int64_t __attribute__((vector_size(64)));
};
template <int kWidth>
using Lanes = typename Register<kWidth>::Lanes;
template <int kWidth>
using Indices = typename Register<kWidth>::Indices;

template <int kWidth>
OHM_INLINE Lanes<kWidth> Load(const double* p) {
  return *reinterpret_cast<const Lanes<kWidth>*>(p);
}
template <int kWidth>
OHM_INLINE void Store(Lanes<kWidth> value, double* p) {
  *reinterpret_cast<Lanes<kWidth>*>(p) = value;
}

// One step of a transposition: elements that differ in bit `kBit` of their row
// and of their column change places.
template <int kWidth, int kBit, size_t... e>
OHM_INLINE void Exchange(Lanes<kWidth>* rows, std::index_sequence<e...>) {
  constexpr Indices<kWidth> kUpper = {
      int64_t((e & kBit) != 0 ? kWidth + e - kBit : e)...};
  constexpr Indices<kWidth> kLower = {
      int64_t((e & kBit) != 0 ? kWidth + e : e + kBit)...};
#pragma GCC unroll 8
  for (int i = 0; i < kWidth; ++i) {
    if ((i & kBit) != 0) continue;
    const Lanes<kWidth> a = rows[i], b = rows[i | kBit];
    rows[i] = __builtin_shuffle(a, b, kUpper);
    rows[i | kBit] = __builtin_shuffle(a, b, kLower);
  }
}

// to := from^T of kWidth x kWidth.
template <int kWidth>
OHM_INLINE void TransposePiece(const double* from, int64_t n, double* to) {
  constexpr auto kAll = std::make_index_sequence<kWidth>();
  Lanes<kWidth> rows[kWidth];
#pragma GCC unroll 8
  for (int i = 0; i < kWidth; ++i) rows[i] = Load<kWidth>(from + i * n);
  if constexpr (kWidth > 4) Exchange<kWidth, 4>(rows, kAll);
  if constexpr (kWidth > 2) Exchange<kWidth, 2>(rows, kAll);
  Exchange<kWidth, 1>(rows, kAll);
#pragma GCC unroll 8
  for (int i = 0; i < kWidth; ++i) Store<kWidth>(rows[i], to + i * n);
}

// p [8, 8] := -a^-1 of the block at `a`, one pivot after the other. Rows stay
// in registers: changing one element in memory and loading its row again costs
// more than all arithmetic.
template <int kWidth>
OHM_INLINE void InvertPivots(const double* a, int64_t n, double* p) {
  constexpr int kParts = kLane / kWidth;
  Lanes<kWidth> rows[kLane][kParts];
  alignas(64) double pivots[kLane];
#pragma GCC unroll 8
  for (int i = 0; i < kLane; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kParts; ++v) {
      rows[i][v] = Load<kWidth>(a + i * n + v * kWidth);
    }
  }
#pragma GCC unroll 8
  for (int k = 0; k < kLane; ++k) {
#pragma GCC unroll 4
    for (int v = 0; v < kParts; ++v) {
      Store<kWidth>(rows[k][v], pivots + v * kWidth);
    }
    const double inverse = 1 / pivots[k];
#pragma GCC unroll 4
    for (int v = 0; v < kParts; ++v) rows[k][v] *= inverse;
    rows[k][k / kWidth][k % kWidth] = -inverse;
#pragma GCC unroll 8
    for (int i = 0; i < kLane; ++i) {
      if (i == k) continue;
      rows[i][k / kWidth][k % kWidth] = 0;
#pragma GCC unroll 4
      for (int v = 0; v < kParts; ++v) rows[i][v] -= pivots[i] * rows[k][v];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kLane; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kParts; ++v) {
      Store<kWidth>(rows[i][v], p + i * kLane + v * kWidth);
    }
  }
}

// u [8, n] = rows k .. k+7 of `a`. Those right of the diagonal come from the
// columns below it, which are set to 0.
template <int kWidth>
OHM_INLINE void TakePanel(double* a, int64_t n, int64_t k, double* u) {
  for (int64_t r = 0; r < kLane; ++r) {
    for (int64_t j = 0; j < k + kLane; j += kWidth) {
      Store<kWidth>(Load<kWidth>(a + (k + r) * n + j), u + r * n + j);
    }
  }
  for (int64_t i = k + kLane; i < n; i += kWidth) {
    for (int64_t r = 0; r < kLane; r += kWidth) {
      TransposePiece<kWidth>(a + i * n + k + r, n, u + r * n + i);
    }
    for (int64_t r = i; r < i + kWidth; ++r) {
      for (int64_t j = k; j < k + kLane; j += kWidth) {
        Store<kWidth>(Lanes<kWidth>{}, a + r * n + j);
      }
    }
  }
}

// t [8, n] = -p * u, but p in the columns of the pivots.
template <int kWidth>
OHM_INLINE void ScalePanel(const double* p, const double* u, int64_t n,
                           int64_t k, double* t) {
  for (int64_t j = 0; j < n; j += kWidth) {
    Lanes<kWidth> sum[kLane] = {};
#pragma GCC unroll 8
    for (int64_t m = 0; m < kLane; ++m) {
      const Lanes<kWidth> row = Load<kWidth>(u + m * n + j);
#pragma GCC unroll 8
      for (int64_t r = 0; r < kLane; ++r) sum[r] -= p[r * kLane + m] * row;
    }
#pragma GCC unroll 8
    for (int64_t r = 0; r < kLane; ++r) Store<kWidth>(sum[r], t + r * n + j);
  }
  for (int64_t r = 0; r < kLane; ++r) {
    for (int64_t j = 0; j < kLane; j += kWidth) {
      Store<kWidth>(Load<kWidth>(p + r * kLane + j), t + r * n + k + j);
    }
  }
}

// A kRows x (kVectors * kWidth) piece of `a` minus the product of both panels.
template <int kWidth, int kRows, int kVectors>
OHM_INLINE void UpdatePiece(const double* u, const double* t, int64_t n,
                            double* a) {
  Lanes<kWidth> sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = Load<kWidth>(a + r * n + v * kWidth);
    }
  }
  for (int64_t k = 0; k < kLane; ++k) {
    Lanes<kWidth> row[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      row[v] = Load<kWidth>(t + k * n + v * kWidth);
    }
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) sum[r][v] -= u[k * n + r] * row[v];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      Store<kWidth>(sum[r][v], a + r * n + v * kWidth);
    }
  }
}

// Rows i .. i+7 up to the diagonal.
template <int kWidth, int kRows, int kVectors>
OHM_INLINE void UpdateRows(const double* u, const double* t, int64_t n,
                           int64_t i, double* a) {
  constexpr int64_t kStep = kVectors * kWidth;
  for (int64_t r = i; r < i + kLane; r += kRows) {
    int64_t j = 0;
    for (; j + kStep <= i + kLane; j += kStep) {
      UpdatePiece<kWidth, kRows, kVectors>(u + r, t + j, n, a + r * n + j);
    }
    for (; j < i + kLane; j += kWidth) {
      UpdatePiece<kWidth, kRows, 1>(u + r, t + j, n, a + r * n + j);
    }
  }
}

template <int kWidth, int kRows, int kVectors>
OHM_INLINE void Invert(double* a, int64_t n, double* scratch) {
  double *u = scratch, *t = scratch + kLane * n;
  alignas(64) double p[kLane * kLane];
  for (int64_t k = 0; k < n; k += kLane) {
    InvertPivots<kWidth>(a + k * n + k, n, p);
    TakePanel<kWidth>(a, n, k, u);
    ScalePanel<kWidth>(p, u, n, k, t);
    for (int64_t i = 0; i < n; i += kLane) {
      if (i != k) UpdateRows<kWidth, kRows, kVectors>(u, t, n, i, a);
    }
    for (int64_t r = 0; r < kLane; ++r) {
      std::copy_n(t + r * n, k + kLane, a + (k + r) * n);
    }
  }
}

// kRows x (kVectors * kWidth) entries of w * a, from row i of w on.
template <int kWidth, int kRows, int kVectors>
OHM_INLINE void MultiplyPiece(const double* w, int64_t n, int64_t i,
                              const double* a, int64_t a_stride, double* c,
                              int64_t c_stride) {
  Lanes<kWidth> sum[kRows][kVectors] = {};
  const auto add = [&](const double* column, int64_t step, int64_t k) {
    Lanes<kWidth> row[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      row[v] = Load<kWidth>(a + k * a_stride + v * kWidth);
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
      Store<kWidth>(sum[r][v], c + (i + r) * c_stride + v * kWidth);
    }
  }
}

template <int kWidth, int kRows, int kVectors>
OHM_INLINE void Multiply(const double* w, int64_t n, const double* a,
                         int64_t a_stride, int64_t columns, double* c,
                         int64_t c_stride) {
  constexpr int64_t kStep = kVectors * kWidth;
  int64_t j = 0;
  for (; j + kStep <= columns; j += kStep) {
    for (int64_t i = 0; i < n; i += kRows) {
      MultiplyPiece<kWidth, kRows, kVectors>(w, n, i, a + j, a_stride, c + j,
                                             c_stride);
    }
  }
  for (; j < columns; j += kWidth) {
    for (int64_t i = 0; i < n; i += kRows) {
      MultiplyPiece<kWidth, kRows, 1>(w, n, i, a + j, a_stride, c + j,
                                      c_stride);
    }
  }
}

// Pieces as large as the registers hold: 32 of 8 doubles, 16 of 4, 16 of 2.
#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v4"))) void InvertAvx512(double* a,
                                                            int64_t n,
                                                            double* scratch) {
  Invert<8, 8, 3>(a, n, scratch);
}
__attribute__((target("arch=x86-64-v4"))) void MultiplyAvx512(
    const double* w, int64_t n, const double* a, int64_t a_stride,
    int64_t columns, double* c, int64_t c_stride) {
  Multiply<8, 8, 3>(w, n, a, a_stride, columns, c, c_stride);
}
__attribute__((target("arch=x86-64-v3"))) void InvertAvx2(double* a, int64_t n,
                                                          double* scratch) {
  Invert<4, 4, 2>(a, n, scratch);
}
__attribute__((target("arch=x86-64-v3"))) void MultiplyAvx2(
    const double* w, int64_t n, const double* a, int64_t a_stride,
    int64_t columns, double* c, int64_t c_stride) {
  Multiply<4, 4, 2>(w, n, a, a_stride, columns, c, c_stride);
}
#endif
void InvertPortable(double* a, int64_t n, double* scratch) {
  Invert<2, 4, 2>(a, n, scratch);
}
void MultiplyPortable(const double* w, int64_t n, const double* a,
                      int64_t a_stride, int64_t columns, double* c,
                      int64_t c_stride) {
  Multiply<2, 4, 2>(w, n, a, a_stride, columns, c, c_stride);
}

}  // namespace

AlignedDoubles::AlignedDoubles(int64_t count)
    : bytes_(AllocateKept(size_t(count) * sizeof(double))) {
  std::fill_n(data(), count, 0.0);
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
