// GCC 12 warns about its own intrinsics' undefined operands (its bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <cstring>

#include "hw/kernels/tile.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512bw,avx512vnni")

#include "hw/kernels/tile_avx512.h"

namespace ohm::hw {
namespace {

struct Vnni : Avx512Lanes {
  using Avx512Lanes::Add;  // of floats
  using Weights = __m512i;
  using Codes = __m512i;
  using Sum = __m512i;

  static OHM_INLINE Weights LoadWeights(const int8_t* w) {
    return _mm512_loadu_si512(w);
  }
  static OHM_INLINE Codes Broadcast(const uint8_t* x) {
    int32_t four;
    std::memcpy(&four, x, sizeof(four));
    return _mm512_set1_epi32(four);
  }
  static OHM_INLINE Codes Pick(const uint8_t* window, const uint8_t* picks) {
    return PickBytes(window, picks);
  }
  static OHM_INLINE Sum Nothing() { return _mm512_setzero_si512(); }
  static OHM_INLINE Sum Add(Sum sum, Codes codes, Weights weights) {
    return _mm512_dpbusd_epi32(sum, codes, weights);
  }
  static OHM_INLINE Sum Raise(Sum sum) { return _mm512_slli_epi32(sum, 8); }
  static OHM_INLINE Int Finish(Sum sum, const int32_t* start) {
    return _mm512_add_epi32(sum, LoadInt(start));
  }
};

// With VBMI, whose one instruction is not in this file's target, so that the
// compiler keeps away from it.
struct VnniVbmi : Vnni {
  static OHM_INLINE Codes Pick(const uint8_t* window, const uint8_t* picks) {
    const __m512i from = _mm512_loadu_si512(picks);
    const auto& bytes =
        *reinterpret_cast<const uint8_t(*)[kWindowBytes]>(window);
    __m512i codes;
    asm("vpermb %2, %1, %0" : "=v"(codes) : "v"(from), "m"(bytes));
    return codes;
  }
};

template <typename Isa = Vnni, typename End>
OHM_INLINE void Run(const TileWork& work, int64_t columns, const End& end) {
  int64_t n = 0;
  for (; n + 64 <= columns; n += 64) Strip<Isa, 6, 4>(work, n, end);
  for (; n + 32 <= columns; n += 32) Strip<Isa, 8, 2>(work, n, end);
  for (; n < columns; n += 16) Strip<Isa, 8, 1>(work, n, end);
}

void Sums(const TileWork& work, int32_t* sums) {
  Run(work, work.columns, StoreSums<Vnni>{sums, work.columns});
}

void Convert(const TileWork& work, const TileAdc& adc, bool first, float* y,
             int64_t stride, int32_t* most) {
  Convert<Vnni>(work, adc, first, y, stride, most,
                [&](const auto& end) { Run(work, work.columns, end); });
}

void Add(const TileWork& work, const float* to_value, int64_t outputs, float* y,
         int64_t stride) {
  static const bool vbmi = __builtin_cpu_supports("avx512vbmi") != 0;
  if (vbmi) {
    Run<VnniVbmi>(work, work.columns,
                  AddSums<VnniVbmi>{to_value, outputs, y, stride});
  } else {
    Run(work, work.columns, AddSums<Vnni>{to_value, outputs, y, stride});
  }
}

void Weigh(const TileWork& work, const TileAdc& adc, const float* gy,
           int64_t stride, float* total) {
  Run(work, work.columns, WeighSums<Vnni>{adc, gy, stride, total});
}

}  // namespace
}  // namespace ohm::hw

#pragma GCC pop_options

namespace ohm::hw {

TileKernels Avx512VnniTile() {
  const bool supported = __builtin_cpu_supports("avx512f") != 0 &&
                         __builtin_cpu_supports("avx512vl") != 0 &&
                         __builtin_cpu_supports("avx512bw") != 0 &&
                         __builtin_cpu_supports("avx512vnni") != 0;
  return {"avx512vnni", supported, false, Sums, Convert, Add, Weigh};
}

}  // namespace ohm::hw
