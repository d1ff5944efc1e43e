#include <immintrin.h>

#include <cstring>

#include "hw/kernels/dot.h"

#define OHM_AVX2 __attribute__((target("avx2")))

namespace ohm::hw {
namespace {

// Codes are widened to 16 bits first: vpmaddubsw, which would take bytes,
// saturates at 2^15 where two products of 255 * 127 do not fit.
template <int kPixels>
OHM_AVX2 inline void Block(const uint8_t* x, int64_t x_stride, const int8_t* w,
                           int64_t row_quads, int64_t columns, int32_t* out) {
  // Per pixel two vectors of 4 columns, each as 2 halves of the 4 rows.
  __m256i sum[kPixels][2];
  for (auto& row : sum) {
    row[0] = _mm256_setzero_si256();
    row[1] = _mm256_setzero_si256();
  }
  for (int64_t q = 0; q < row_quads; ++q) {
    const int8_t* at = w + q * columns * 4;
    const __m256i low = _mm256_cvtepi8_epi16(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
    const __m256i high = _mm256_cvtepi8_epi16(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16)));
    for (int p = 0; p < kPixels; ++p) {
      int32_t four;
      std::memcpy(&four, x + p * x_stride + q * 4, sizeof(four));
      const __m256i codes = _mm256_cvtepu8_epi16(_mm_set1_epi32(four));
      sum[p][0] = _mm256_add_epi32(sum[p][0], _mm256_madd_epi16(codes, low));
      sum[p][1] = _mm256_add_epi32(sum[p][1], _mm256_madd_epi16(codes, high));
    }
  }
  for (int p = 0; p < kPixels; ++p) {
    // Neighbouring 32-bit lanes are the two halves of one column.
    const __m256i pairs = _mm256_hadd_epi32(sum[p][0], sum[p][1]);
    const __m256i ordered = _mm256_permute4x64_epi64(pairs, 0xD8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + p * columns), ordered);
  }
}

}  // namespace

OHM_AVX2 void DotAvx2(const uint8_t* x, int64_t x_stride, const int8_t* w,
                      int64_t row_quads, int64_t columns, int64_t pixels,
                      int32_t* out) {
  for (int64_t n = 0; n < columns; n += 8) {
    int64_t p = 0;
    for (; p + 4 <= pixels; p += 4) {
      Block<4>(x + p * x_stride, x_stride, w + n * 4, row_quads, columns,
               out + p * columns + n);
    }
    for (; p < pixels; ++p) {
      Block<1>(x + p * x_stride, x_stride, w + n * 4, row_quads, columns,
               out + p * columns + n);
    }
  }
}

}  // namespace ohm::hw
