#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "hw/kernels/normal.h"
#include "hw/kernels/normal_table.h"

#pragma GCC push_options
#pragma GCC target("avx2,fma")

namespace ohm::hw {
namespace {
constexpr int kNormalLanes = 8;
}
}  // namespace ohm::hw

#include "hw/kernels/normal_loop.h"

namespace ohm::hw {
namespace {

struct Isa {
  // Eight of 32: from each eight of the table, then the right one of the four.
  static OHM_INLINE Floats LookUp(const float* table, Words index) {
    const auto from = [&](int eighth) __attribute__((always_inline)) {
      return _mm256_permutevar8x32_ps(_mm256_load_ps(table + 8 * eighth),
                                      __m256i(index));
    };
    const auto by8 = __m256(index << 28);
    const auto by16 = __m256(index << 27);
    return _mm256_blendv_ps(_mm256_blendv_ps(from(0), from(1), by8),
                            _mm256_blendv_ps(from(2), from(3), by8), by16);
  }
  static OHM_INLINE Floats MultiplyAdd(Floats a, Floats b, Floats c) {
    return _mm256_fmadd_ps(a, b, c);
  }
};

void FillAvx2(uint64_t key, uint64_t stream, int64_t first, int64_t count,
              float* to) {
  Fill<Isa>(key, stream, first, count, to);
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
