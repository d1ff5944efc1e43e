#include "hw/kernels/tile_float.h"

#include <cstring>

#include "core/kernels/simd.h"

namespace ohm::hw {
namespace {

// One AVX-512 register, two of AVX2, four of SSE.
using Lanes = float __attribute__((vector_size(64)));
constexpr int64_t kLanes = 16;

// kPixels x 16 sums in registers over all rows.
template <int kPixels>
inline __attribute__((always_inline)) void Block(const TileWorkF32& work,
                                                 int64_t p, int64_t n,
                                                 float* sums) {
  const float* x[kPixels];
  Lanes sum[kPixels];
  for (int i = 0; i < kPixels; ++i) {
    x[i] = work.pixels[p + i];
    sum[i] = Lanes{};
  }
  for (int64_t k = 0; k < work.row_count; ++k) {
    Lanes weights;
    std::memcpy(&weights, work.weights + k * work.columns + n, sizeof(weights));
    const int64_t row = work.rows[k];
    for (int i = 0; i < kPixels; ++i) sum[i] += x[i][row] * weights;
  }
  for (int i = 0; i < kPixels; ++i) {
    std::memcpy(sums + (p + i) * work.columns + n, &sum[i], sizeof(Lanes));
  }
}

}  // namespace

OHM_SIMD_CLONES void TileSumsF32(const TileWorkF32& work, float* sums) {
  for (int64_t n = 0; n < work.columns; n += kLanes) {
    int64_t p = 0;
    for (; p + 4 <= work.count; p += 4) Block<4>(work, p, n, sums);
    for (; p < work.count; ++p) Block<1>(work, p, n, sums);
  }
}

}  // namespace ohm::hw
