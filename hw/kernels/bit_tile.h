// One row tile at work bit by bit: inputs that are applied one bit in a cycle,
// and weights cut into bits as well, so that a sum of 32 rows is one AND and
// one population count. For conversions in every cycle (hw/slicing.h); the same
// sums, and so the same codes, as the byte kernels of hw/kernels/tile.h give
// plane by plane. On AVX-512 with VPOPCNTDQ 5 times as fast as those for 1-bit
// and 3 times for 2-bit cells (bench crossbar); elsewhere they are used.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/kernels/tile.h"

namespace ohm::hw {

// Words of 32 rows: bit i of word w is row 32 w + i of the pieces, four rows of
// each quad. Columns are a multiple of 16.
struct BitTileWork {
  const uint32_t* inputs = nullptr;  // [cycles, pixels, words]
  int64_t pixels = 0, cycles = 0, words = 0;
  // [bits, words, columns] of one slice: of its digits' magnitude where they
  // are positive, and where they are negative (null: none are).
  const uint32_t* plus = nullptr;
  const uint32_t* minus = nullptr;
  int64_t bits = 0;
  int64_t columns = 0;
};

struct BitTileKernels {
  const char* name;
  bool supported;  // by this machine
  bool fast;       // faster than the byte kernels

  // inputs [bits, count, words]: bit b of the bytes at pixels[p][quads[q]] + i,
  // i < 4, for p < count.
  void (*pack)(const uint8_t* const* pixels, int64_t count,
               const int32_t* quads, int64_t quad_count, int bits,
               uint32_t* inputs);

  // For n < adc.outputs:
  //   values[p * columns + n] += adc.to_value[n] * (sum over cycles c of
  //                                  cycle_weight[c] * code(p, n, c))
  // with the codes of hw/kernels/tile.h. Where most [columns] is not null:
  // most[n] = max(most[n], |sum(p, n, c)|). Converted values are whole
  // numbers below 2^24 in magnitude, so that their order does not matter.
  void (*convert)(const BitTileWork& work, const TileAdc& adc,
                  const float* cycle_weight, float* values, int32_t* most);
};

const std::vector<BitTileKernels>& BitTileKernelVariants();  // best first

// As CurrentTileKernels, for these.
const BitTileKernels& CurrentBitTileKernels();
void ForceBitTileKernels(const BitTileKernels* kernels);

BitTileKernels Avx512BitTile();
BitTileKernels PortableBitTile();

}  // namespace ohm::hw
