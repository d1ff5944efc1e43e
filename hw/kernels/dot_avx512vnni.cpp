#include <immintrin.h>

#include <cstring>

#include "hw/kernels/dot.h"

#define OHM_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

namespace ohm::hw {
namespace {

// kPixels x (16 * kVectors) partial sums stay in registers over all rows: one
// vpdpbusd takes four rows of 16 columns.
template <int kPixels, int kVectors>
OHM_VNNI inline void Block(const uint8_t* x, int64_t x_stride, const int8_t* w,
                           int64_t row_quads, int64_t columns, int32_t* out) {
  __m512i sum[kPixels][kVectors];
  for (auto& row : sum) {
    for (auto& v : row) v = _mm512_setzero_si512();
  }
  for (int64_t q = 0; q < row_quads; ++q) {
    __m512i weights[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      weights[v] = _mm512_loadu_si512(w + q * columns * 4 + v * 64);
    }
    for (int p = 0; p < kPixels; ++p) {
      int32_t four;
      std::memcpy(&four, x + p * x_stride + q * 4, sizeof(four));
      const __m512i codes = _mm512_set1_epi32(four);
      for (int v = 0; v < kVectors; ++v) {
        sum[p][v] = _mm512_dpbusd_epi32(sum[p][v], codes, weights[v]);
      }
    }
  }
  for (int p = 0; p < kPixels; ++p) {
    for (int v = 0; v < kVectors; ++v) {
      _mm512_storeu_si512(out + p * columns + v * 16, sum[p][v]);
    }
  }
}

// All pixels for one strip of 16 * kVectors columns.
template <int kPixels, int kVectors>
OHM_VNNI inline void Strip(const uint8_t* x, int64_t x_stride, const int8_t* w,
                           int64_t row_quads, int64_t columns, int64_t pixels,
                           int32_t* out) {
  int64_t p = 0;
  for (; p + kPixels <= pixels; p += kPixels) {
    Block<kPixels, kVectors>(x + p * x_stride, x_stride, w, row_quads, columns,
                             out + p * columns);
  }
  for (; p < pixels; ++p) {
    Block<1, kVectors>(x + p * x_stride, x_stride, w, row_quads, columns,
                       out + p * columns);
  }
}

}  // namespace

OHM_VNNI void DotAvx512Vnni(const uint8_t* x, int64_t x_stride, const int8_t* w,
                            int64_t row_quads, int64_t columns, int64_t pixels,
                            int32_t* out) {
  int64_t n = 0;
  for (; n + 64 <= columns; n += 64) {
    Strip<6, 4>(x, x_stride, w + n * 4, row_quads, columns, pixels, out + n);
  }
  for (; n + 32 <= columns; n += 32) {
    Strip<8, 2>(x, x_stride, w + n * 4, row_quads, columns, pixels, out + n);
  }
  for (; n < columns; n += 16) {
    Strip<16, 1>(x, x_stride, w + n * 4, row_quads, columns, pixels, out + n);
  }
}

}  // namespace ohm::hw
