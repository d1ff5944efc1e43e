#include "hw/kernels/dot.h"

#include <algorithm>

#include "core/kernels/simd.h"

namespace ohm::hw {

void DotPortable(const uint8_t* x, int64_t x_stride, const int8_t* w,
                 int64_t row_quads, int64_t columns, int64_t pixels,
                 int32_t* out) {
  for (int64_t p = 0; p < pixels; ++p) {
    int32_t* row = out + p * columns;
    std::fill(row, row + columns, 0);
    for (int64_t k = 0; k < 4 * row_quads; ++k) {
      const int32_t code = x[p * x_stride + k];
      const int8_t* weights = w + k / 4 * columns * 4 + k % 4;
      for (int64_t n = 0; n < columns; ++n) row[n] += code * weights[4 * n];
    }
  }
}

OHM_SIMD_CLONES void DotF32(const float* x, int64_t x_stride, const float* w,
                            int64_t rows, int64_t columns, int64_t pixels,
                            float* out) {
  for (int64_t p = 0; p < pixels; ++p) {
    float* row = out + p * columns;
    std::fill(row, row + columns, 0.0F);
    for (int64_t k = 0; k < rows; ++k) {
      const float value = x[p * x_stride + k];
      for (int64_t n = 0; n < columns; ++n)
        row[n] += value * w[k * columns + n];
    }
  }
}

const std::vector<DotVariant>& DotVariants() {
  static const std::vector<DotVariant> variants = {
      {"avx512vnni",
       __builtin_cpu_supports("avx512vnni") != 0 &&
           __builtin_cpu_supports("avx512bw") != 0,
       DotAvx512Vnni},
      {"avx2", __builtin_cpu_supports("avx2") != 0, DotAvx2},
      {"portable", true, DotPortable},
  };
  return variants;
}

DotU8S8 BestDot() {
  static const DotU8S8 best =
      std::ranges::find_if(DotVariants(), &DotVariant::supported)->run;
  return best;
}

}  // namespace ohm::hw
