// GCC 12 warns about its own intrinsics' undefined operands (its bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "core/kernels/simd.h"
#include "hw/kernels/bit_tile.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512bw,avx512dq,avx512vpopcntdq")

namespace ohm::hw {
namespace {

constexpr int64_t kLanes = 16;

OHM_INLINE __mmask16 MaskOf(int64_t lanes) {
  return static_cast<__mmask16>(lanes >= kLanes ? 0xFFFFU : (1U << lanes) - 1);
}

// 16 quads at a time are 64 rows: the mask of their bits b is two words.
void Pack(const uint8_t* const* pixels, int64_t count, const int32_t* quads,
          int64_t quad_count, int bits, uint32_t* inputs) {
  const int64_t words = (quad_count * 4 + 31) / 32;
  for (int64_t p = 0; p < count; ++p) {
    for (int64_t q = 0; q < quad_count; q += kLanes) {
      const __mmask16 live = MaskOf(quad_count - q);
      const __m512i at = _mm512_maskz_loadu_epi32(live, quads + q);
      __m512i codes = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), live,
                                                  at, pixels[p], 1);
      codes = _mm512_slli_epi16(codes, 8 - bits);
      // The top bit first; what shifts into a byte from its neighbour stays
      // below it.
      for (int b = bits - 1; b >= 0; --b) {
        const uint64_t mask = _mm512_movepi8_mask(codes);
        uint32_t* to = inputs + (b * count + p) * words + q / 8;
        std::memcpy(to, &mask, words - q / 8 >= 2 ? 8 : 4);
        codes = _mm512_add_epi8(codes, codes);
      }
    }
  }
}

// Population counts of 16 columns for kPixels pixels in one cycle.
template <int kPixels>
OHM_INLINE void AddCounts(const BitTileWork& work, const uint32_t* inputs,
                          const uint32_t* weights, int64_t n,
                          __m512i (&sums)[kPixels]) {
  for (int64_t b = work.bits - 1; b >= 0; --b) {
    __m512i counts[kPixels];
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) {
      counts[i] = _mm512_add_epi32(sums[i], sums[i]);
    }
    const uint32_t* of_bit = weights + b * work.words * work.columns + n;
    for (int64_t w = 0; w < work.words; ++w) {
      const __m512i row = _mm512_loadu_si512(of_bit + w * work.columns);
#pragma GCC unroll 8
      for (int i = 0; i < kPixels; ++i) {
        const __m512i input =
            _mm512_set1_epi32(static_cast<int>(inputs[i * work.words + w]));
        counts[i] = _mm512_add_epi32(
            counts[i], _mm512_popcnt_epi32(_mm512_and_si512(row, input)));
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) sums[i] = counts[i];
  }
}

template <int kPixels>
OHM_INLINE void Block(const BitTileWork& work, const TileAdc& adc,
                      const float* cycle_weight, int64_t p, int64_t n,
                      float* values, int32_t* most) {
  const __mmask16 live = MaskOf(adc.outputs - n);
  const __m512 to_code = _mm512_maskz_loadu_ps(live, adc.to_code + n);
  const __m512 lowest = _mm512_set1_ps(adc.lowest);
  const __m512 largest = _mm512_set1_ps(adc.largest);
  __m512 totals[kPixels];
  __m512i mosts =
      most == nullptr ? _mm512_setzero_si512() : _mm512_loadu_si512(most + n);
#pragma GCC unroll 8
  for (int i = 0; i < kPixels; ++i) totals[i] = _mm512_setzero_ps();
  for (int64_t c = 0; c < work.cycles; ++c) {
    const uint32_t* inputs = work.inputs + (c * work.pixels + p) * work.words;
    __m512i sums[kPixels];
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) sums[i] = _mm512_setzero_si512();
    AddCounts<kPixels>(work, inputs, work.plus, n, sums);
    if (work.minus != nullptr) {
      __m512i minus[kPixels];
#pragma GCC unroll 8
      for (int i = 0; i < kPixels; ++i) minus[i] = _mm512_setzero_si512();
      AddCounts<kPixels>(work, inputs, work.minus, n, minus);
#pragma GCC unroll 8
      for (int i = 0; i < kPixels; ++i) {
        sums[i] = _mm512_sub_epi32(sums[i], minus[i]);
      }
    }
    const __m512 weight = _mm512_set1_ps(cycle_weight[c]);
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) {
      __m512 code = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[i]), to_code);
      code = _mm512_max_ps(_mm512_min_ps(code, largest), lowest);
      code = _mm512_roundscale_ps(code, _MM_FROUND_TO_NEAREST_INT);
      totals[i] = _mm512_fmadd_ps(code, weight, totals[i]);  // exact
      if (most != nullptr) {
        mosts = _mm512_max_epi32(mosts, _mm512_abs_epi32(sums[i]));
      }
    }
  }
  const __m512 to_value = _mm512_maskz_loadu_ps(live, adc.to_value + n);
#pragma GCC unroll 8
  for (int i = 0; i < kPixels; ++i) {
    float* to = values + (p + i) * work.columns + n;
    const __m512 old = _mm512_maskz_loadu_ps(live, to);
    // Not fused: weights that are no powers of two round as in the byte
    // kernels.
    const __m512 value = _mm512_mul_ps(totals[i], to_value);
    _mm512_mask_storeu_ps(to, live, _mm512_add_ps(old, value));
  }
  if (most != nullptr) _mm512_storeu_si512(most + n, mosts);
}

void Convert(const BitTileWork& work, const TileAdc& adc,
             const float* cycle_weight, float* values, int32_t* most) {
  constexpr int kPixels = 6;
  for (int64_t n = 0; n < adc.outputs; n += kLanes) {
    int64_t p = 0;
    for (; p + kPixels <= work.pixels; p += kPixels) {
      Block<kPixels>(work, adc, cycle_weight, p, n, values, most);
    }
    for (; p < work.pixels; ++p) {
      Block<1>(work, adc, cycle_weight, p, n, values, most);
    }
  }
}

}  // namespace
}  // namespace ohm::hw

#pragma GCC pop_options

namespace ohm::hw {

BitTileKernels Avx512BitTile() {
  const bool supported = __builtin_cpu_supports("avx512f") != 0 &&
                         __builtin_cpu_supports("avx512vl") != 0 &&
                         __builtin_cpu_supports("avx512bw") != 0 &&
                         __builtin_cpu_supports("avx512dq") != 0 &&
                         __builtin_cpu_supports("avx512vpopcntdq") != 0;
  return {"avx512vpopcntdq", supported, true, Pack, Convert};
}

}  // namespace ohm::hw
