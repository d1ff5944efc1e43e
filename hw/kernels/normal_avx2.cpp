#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "hw/kernels/normal.h"
#include "hw/kernels/normal_table.h"

#pragma GCC push_options
#pragma GCC target("avx2,fma")

#include "hw/kernels/normal_loop.h"

namespace ohm::hw {
namespace {

struct Pick {
  // Eight of 32: from each eight of the table, then the right one of the four.
  static OHM_INLINE __m256 Eight(const float* table, __m256i index) {
    const auto from = [&](int eighth) __attribute__((always_inline)) {
      return _mm256_permutevar8x32_ps(_mm256_load_ps(table + 8 * eighth),
                                      index);
    };
    const auto by8 = _mm256_castsi256_ps(_mm256_slli_epi32(index, 28));
    const auto by16 = _mm256_castsi256_ps(_mm256_slli_epi32(index, 27));
    return _mm256_blendv_ps(_mm256_blendv_ps(from(0), from(1), by8),
                            _mm256_blendv_ps(from(2), from(3), by8), by16);
  }
  static OHM_INLINE Floats Of(const float* table, Words index) {
    __m256i indices[2];
    std::memcpy(indices, &index, sizeof(index));
    const __m256 picked[2] = {Eight(table, indices[0]),
                              Eight(table, indices[1])};
    Floats all;
    std::memcpy(&all, picked, sizeof(all));
    return all;
  }
};

void FillAvx2(uint64_t key, uint64_t stream, int64_t first, int64_t count,
              float* to) {
  Fill<Pick>(key, stream, first, count, to);
}

}  // namespace
}  // namespace ohm::hw

#pragma GCC pop_options

namespace ohm::hw {

NormalKernels Avx2Normal() {
  const bool supported =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  return {"avx2", supported, FillAvx2};
}

}  // namespace ohm::hw
