// What the AVX-512 variants of hw/kernels/tile.h share: 16 columns per vector,
// the ADC's arithmetic, register blocks. Include it as
// hw/kernels/tile_blocks.h, which it includes, inside a region of the variant's
// own target.
#pragma once

#include "hw/kernels/tile_blocks.h"

namespace ohm::hw {

struct Avx512Lanes {
  static constexpr int64_t kLanes = 16;
  using Int = __m512i;
  using Float = __m512;

  // 64 bytes of a window, by four shuffles of 16 each: bytes of the other three
  // get an index beyond 127, which gives 0.
  static OHM_INLINE Int PickBytes(const uint8_t* window, const uint8_t* picks) {
    const __m512i from = _mm512_loadu_si512(picks);
    __m512i codes = _mm512_setzero_si512();
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const __m512i index = _mm512_adds_epu8(
          _mm512_xor_si512(from, _mm512_set1_epi8(static_cast<char>(16 * i))),
          _mm512_set1_epi8(0x70));
      const __m512i bytes = _mm512_broadcast_i32x4(
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(window) + i));
      codes = _mm512_or_si512(codes, _mm512_shuffle_epi8(bytes, index));
    }
    return codes;
  }

  static OHM_INLINE Int LoadInt(const int32_t* p) {
    return _mm512_loadu_si512(p);
  }
  static OHM_INLINE void StoreInt(int32_t* p, Int v) {
    _mm512_storeu_si512(p, v);
  }
  static OHM_INLINE Int MaxAbs(Int most, Int v) {
    return _mm512_max_epi32(most, _mm512_abs_epi32(v));
  }

  static OHM_INLINE Float ToFloat(Int v) { return _mm512_cvtepi32_ps(v); }
  static OHM_INLINE Float Larger(Float most, Float v) {
    return _mm512_max_ps(most, _mm512_abs_ps(v));
  }
  static OHM_INLINE Int RoundUp(Float v) {
    return _mm512_cvt_roundps_epi32(v,
                                    _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
  }
  static OHM_INLINE Float Zero() { return _mm512_setzero_ps(); }
  static OHM_INLINE __mmask16 MaskOf(int64_t lanes) {
    return static_cast<__mmask16>((1U << lanes) - 1);
  }
  static OHM_INLINE Float Load(const float* p, int64_t lanes) {
    if (lanes >= kLanes) return _mm512_loadu_ps(p);
    return _mm512_maskz_loadu_ps(MaskOf(lanes), p);
  }
  static OHM_INLINE void Store(float* p, int64_t lanes, Float v) {
    if (lanes >= kLanes) {
      _mm512_storeu_ps(p, v);
    } else {
      _mm512_mask_storeu_ps(p, MaskOf(lanes), v);
    }
  }
  static OHM_INLINE Float Mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static OHM_INLINE Float Add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static OHM_INLINE Float RoundClipped(Float v, float lowest, float largest) {
    v = _mm512_min_ps(v, _mm512_set1_ps(largest));
    v = _mm512_max_ps(v, _mm512_set1_ps(lowest));
    return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT);
  }
};

}  // namespace ohm::hw
