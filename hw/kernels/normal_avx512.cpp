#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "hw/kernels/normal.h"
#include "hw/kernels/normal_table.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,fma")

namespace ohm::hw {
namespace {
constexpr int kNormalLanes = 16;
}
}  // namespace ohm::hw

#include "hw/kernels/normal_loop.h"

namespace ohm::hw {
namespace {

struct Isa {
  static OHM_INLINE Floats LookUp(const float* table, Words index) {
    const auto low = _mm512_load_ps(table), high = _mm512_load_ps(table + 16);
    return Floats(_mm512_permutex2var_ps(low, __m512i(index), high));
  }
  static OHM_INLINE Floats MultiplyAdd(Floats a, Floats b, Floats c) {
    return _mm512_fmadd_ps(a, b, c);
  }
};

void FillAvx512(uint64_t key, uint64_t stream, int64_t first, int64_t count,
                float* to) {
  Fill<Isa>(key, stream, first, count, to);
}

}  // namespace
}  // namespace ohm::hw

#pragma GCC pop_options

namespace ohm::hw {

NormalKernels Avx512Normal() {
  const bool supported = __builtin_cpu_supports("avx512f") != 0 &&
                         __builtin_cpu_supports("avx512vl") != 0 &&
                         __builtin_cpu_supports("avx512dq") != 0 &&
                         __builtin_cpu_supports("avx512bw") != 0;
  return {"avx512", supported, FillAvx512};
}

}  // namespace ohm::hw
