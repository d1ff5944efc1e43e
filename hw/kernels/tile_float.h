// The same work as hw/kernels/tile.h on floats, for converters beyond 8 bits
// and ideal ones.
#pragma once

#include <cstdint>

namespace ohm::hw {

// sums[p * columns + n] = sum over k < row_count of
//     pixels[p][rows[k]] * weights[k * columns + n]
// for p < count, n < columns; columns is a multiple of 16. Rows are added in
// order. Whether products are rounded before they are added depends on the
// machine, so sums may differ between machines in their last bit.
struct TileWorkF32 {
  const float* const* pixels = nullptr;
  int64_t count = 0;
  const int32_t* rows = nullptr;  // floats from a pixel's pointer
  int64_t row_count = 0;
  const float* weights = nullptr;
  int64_t columns = 0;
};

void TileSumsF32(const TileWorkF32& work, float* sums);

}  // namespace ohm::hw
