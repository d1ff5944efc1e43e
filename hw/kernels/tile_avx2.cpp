#include <immintrin.h>

#include <cstring>

#include "hw/kernels/tile.h"

#pragma GCC push_options
#pragma GCC target("avx2")

#include "hw/kernels/tile_blocks.h"

namespace ohm::hw {
namespace {

struct Avx2 {
  static constexpr int64_t kLanes = 8;
  using Int = __m256i;
  using Float = __m256;
  // Codes are widened to 16 bits first: vpmaddubsw, which would take bytes,
  // saturates at 2^15 where two products of 255 * 127 do not fit. Columns 0..3
  // are in `low`, 4..7 in `high`, each as two 32-bit halves of its four rows.
  struct Halves {
    __m256i low, high;
  };
  using Weights = Halves;
  using Codes = __m256i;
  using Sum = Halves;

  static OHM_INLINE Weights LoadWeights(const int8_t* w) {
    const auto* p = reinterpret_cast<const __m128i*>(w);
    return {_mm256_cvtepi8_epi16(_mm_loadu_si128(p)),
            _mm256_cvtepi8_epi16(_mm_loadu_si128(p + 1))};
  }
  static OHM_INLINE Codes Broadcast(const uint8_t* x) {
    int32_t four;
    std::memcpy(&four, x, sizeof(four));
    return _mm256_cvtepu8_epi16(_mm_set1_epi32(four));
  }
  // As in hw/kernels/tile_avx512.h.
  static OHM_INLINE __m256i PickBytes(const uint8_t* window,
                                      const uint8_t* picks) {
    const __m256i from =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(picks));
    __m256i codes = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const __m256i index = _mm256_adds_epu8(
          _mm256_xor_si256(from, _mm256_set1_epi8(static_cast<char>(16 * i))),
          _mm256_set1_epi8(0x70));
      const __m256i bytes = _mm256_broadcastsi128_si256(
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(window) + i));
      codes = _mm256_or_si256(codes, _mm256_shuffle_epi8(bytes, index));
    }
    return codes;
  }
  static OHM_INLINE Halves Pick(const uint8_t* window, const uint8_t* picks) {
    const __m256i codes = PickBytes(window, picks);
    return {_mm256_cvtepu8_epi16(_mm256_castsi256_si128(codes)),
            _mm256_cvtepu8_epi16(_mm256_extracti128_si256(codes, 1))};
  }
  static OHM_INLINE Sum Nothing() {
    return {_mm256_setzero_si256(), _mm256_setzero_si256()};
  }
  static OHM_INLINE Sum Raise(Sum sum) {
    return {_mm256_slli_epi32(sum.low, 8), _mm256_slli_epi32(sum.high, 8)};
  }
  static OHM_INLINE Sum Add(Sum sum, Codes codes, Weights weights) {
    return {_mm256_add_epi32(sum.low, _mm256_madd_epi16(codes, weights.low)),
            _mm256_add_epi32(sum.high, _mm256_madd_epi16(codes, weights.high))};
  }
  static OHM_INLINE Sum Add(Sum sum, Halves codes, Weights weights) {
    return {
        _mm256_add_epi32(sum.low, _mm256_madd_epi16(codes.low, weights.low)),
        _mm256_add_epi32(sum.high,
                         _mm256_madd_epi16(codes.high, weights.high))};
  }
  static OHM_INLINE Int Finish(Sum sum, const int32_t* start) {
    // hadd works within 128-bit lanes: columns 0 1 4 5 2 3 6 7.
    const __m256i pairs = _mm256_hadd_epi32(sum.low, sum.high);
    const __m256i ordered = _mm256_permute4x64_epi64(pairs, 0xD8);
    return _mm256_add_epi32(ordered, LoadInt(start));
  }

  static OHM_INLINE Int LoadInt(const int32_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static OHM_INLINE void StoreInt(int32_t* p, Int v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
  }
  static OHM_INLINE Int MaxAbs(Int most, Int v) {
    return _mm256_max_epi32(most, _mm256_abs_epi32(v));
  }

  static OHM_INLINE Float ToFloat(Int v) { return _mm256_cvtepi32_ps(v); }
  static OHM_INLINE Float Larger(Float most, Float v) {
    return _mm256_max_ps(most, _mm256_andnot_ps(_mm256_set1_ps(-0.0F), v));
  }
  static OHM_INLINE Int RoundUp(Float v) {
    return _mm256_cvtps_epi32(_mm256_ceil_ps(v));
  }
  static OHM_INLINE Float Zero() { return _mm256_setzero_ps(); }
  static OHM_INLINE __m256i MaskOf(int64_t lanes) {
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(lanes)),
                              index);
  }
  static OHM_INLINE Float Load(const float* p, int64_t lanes) {
    if (lanes >= kLanes) return _mm256_loadu_ps(p);
    return _mm256_maskload_ps(p, MaskOf(lanes));
  }
  static OHM_INLINE void Store(float* p, int64_t lanes, Float v) {
    if (lanes >= kLanes) {
      _mm256_storeu_ps(p, v);
    } else {
      _mm256_maskstore_ps(p, MaskOf(lanes), v);
    }
  }
  static OHM_INLINE Float Mul(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static OHM_INLINE Float Add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static OHM_INLINE Float RoundClipped(Float v, float lowest, float largest) {
    v = _mm256_min_ps(v, _mm256_set1_ps(largest));
    v = _mm256_max_ps(v, _mm256_set1_ps(lowest));
    return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
};

template <typename End>
OHM_INLINE void Run(const TileWork& work, int64_t columns, const End& end) {
  for (int64_t n = 0; n < columns; n += 8) Strip<Avx2, 4, 1>(work, n, end);
}

void Sums(const TileWork& work, int32_t* sums) {
  Run(work, work.columns, StoreSums<Avx2>{sums, work.columns});
}

void Convert(const TileWork& work, const TileAdc& adc, bool first, float* y,
             int64_t stride, int32_t* most) {
  Convert<Avx2>(work, adc, first, y, stride, most,
                [&](const auto& end) { Run(work, work.columns, end); });
}

void Add(const TileWork& work, const float* to_value, int64_t outputs, float* y,
         int64_t stride) {
  Run(work, work.columns, AddSums<Avx2>{to_value, outputs, y, stride});
}

void Weigh(const TileWork& work, const TileAdc& adc, const float* gy,
           int64_t stride, float* total) {
  Run(work, work.columns, WeighSums<Avx2>{adc, gy, stride, total});
}

}  // namespace
}  // namespace ohm::hw

#pragma GCC pop_options

namespace ohm::hw {

TileKernels Avx2Tile() {
  return {
      "avx2", __builtin_cpu_supports("avx2") != 0, false, Sums, Convert, Add,
      Weigh};
}

}  // namespace ohm::hw
