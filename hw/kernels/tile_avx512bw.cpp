// GCC 12 warns about its own intrinsics' undefined operands (its bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <cstring>

#include "hw/kernels/tile.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512bw")

#include "hw/kernels/tile_avx512.h"

namespace ohm::hw {
namespace {

// Without VNNI: products of 16-bit numbers, which _mm512_madd_epi16 adds in
// pairs into 32 bits, exactly. Columns 0..7 are in `low`, 8..15 in `high`, each
// as two 32-bit halves of its four rows.
struct Bw : Avx512Lanes {
  using Avx512Lanes::Add;  // of floats
  struct Halves {
    __m512i low, high;
  };
  using Weights = Halves;
  using Codes = __m512i;
  using Sum = Halves;

  static OHM_INLINE Weights LoadWeights(const int8_t* w) {
    const auto* p = reinterpret_cast<const __m256i*>(w);
    return {_mm512_cvtepi8_epi16(_mm256_loadu_si256(p)),
            _mm512_cvtepi8_epi16(_mm256_loadu_si256(p + 1))};
  }
  static OHM_INLINE Codes Broadcast(const uint8_t* x) {
    int32_t four;
    std::memcpy(&four, x, sizeof(four));
    return _mm512_cvtepu8_epi16(_mm256_set1_epi32(four));
  }
  static OHM_INLINE Halves Pick(const uint8_t* window, const uint8_t* picks) {
    const __m512i codes = PickBytes(window, picks);
    return {_mm512_cvtepu8_epi16(_mm512_castsi512_si256(codes)),
            _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(codes, 1))};
  }
  static OHM_INLINE Sum Nothing() {
    return {_mm512_setzero_si512(), _mm512_setzero_si512()};
  }
  static OHM_INLINE Sum Raise(Sum sum) {
    return {_mm512_slli_epi32(sum.low, 8), _mm512_slli_epi32(sum.high, 8)};
  }
  static OHM_INLINE Sum Add(Sum sum, Codes codes, Weights weights) {
    return {_mm512_add_epi32(sum.low, _mm512_madd_epi16(codes, weights.low)),
            _mm512_add_epi32(sum.high, _mm512_madd_epi16(codes, weights.high))};
  }
  static OHM_INLINE Sum Add(Sum sum, Halves codes, Weights weights) {
    return {
        _mm512_add_epi32(sum.low, _mm512_madd_epi16(codes.low, weights.low)),
        _mm512_add_epi32(sum.high,
                         _mm512_madd_epi16(codes.high, weights.high))};
  }
  static OHM_INLINE Int Finish(Sum sum, const int32_t* start) {
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18,
                                           20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    return _mm512_add_epi32(
        _mm512_add_epi32(_mm512_permutex2var_epi32(sum.low, even, sum.high),
                         _mm512_permutex2var_epi32(sum.low, odd, sum.high)),
        LoadInt(start));
  }
};

template <typename End>
OHM_INLINE void Run(const TileWork& work, int64_t columns, const End& end) {
  for (int64_t n = 0; n < columns; n += 16) Strip<Bw, 8, 1>(work, n, end);
}

void Sums(const TileWork& work, int32_t* sums) {
  Run(work, work.columns, StoreSums<Bw>{sums, work.columns});
}

void Convert(const TileWork& work, const TileAdc& adc, bool first, float* y,
             int64_t stride, int32_t* most) {
  Convert<Bw>(work, adc, first, y, stride, most,
              [&](const auto& end) { Run(work, work.columns, end); });
}

void Add(const TileWork& work, const float* to_value, int64_t outputs, float* y,
         int64_t stride) {
  Run(work, work.columns, AddSums<Bw>{to_value, outputs, y, stride});
}

void Weigh(const TileWork& work, const TileAdc& adc, const float* gy,
           int64_t stride, float* total) {
  Run(work, work.columns, WeighSums<Bw>{adc, gy, stride, total});
}

}  // namespace
}  // namespace ohm::hw

#pragma GCC pop_options

namespace ohm::hw {

TileKernels Avx512Tile() {
  const bool supported = __builtin_cpu_supports("avx512f") != 0 &&
                         __builtin_cpu_supports("avx512vl") != 0 &&
                         __builtin_cpu_supports("avx512bw") != 0;
  return {"avx512bw", supported, false, Sums, Convert, Add, Weigh};
}

}  // namespace ohm::hw
