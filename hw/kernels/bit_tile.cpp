#include "hw/kernels/bit_tile.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "hw/kernels/round.h"

namespace ohm::hw {
namespace {

const BitTileKernels* forced = nullptr;

void Pack(const uint8_t* const* pixels, int64_t count, const int32_t* quads,
          int64_t quad_count, int bits, uint32_t* inputs) {
  const int64_t words = (quad_count * 4 + 31) / 32;
  std::fill_n(inputs, bits * count * words, 0U);
  for (int64_t p = 0; p < count; ++p) {
    for (int64_t row = 0; row < quad_count * 4; ++row) {
      const uint32_t code = pixels[p][quads[row / 4] + row % 4];
      for (int b = 0; b < bits; ++b) {
        inputs[(b * count + p) * words + row / 32] |= ((code >> b) & 1U)
                                                      << (row % 32);
      }
    }
  }
}

int32_t Sum(const BitTileWork& work, const uint32_t* inputs,
            const uint32_t* weights, int64_t n) {
  int32_t sum = 0;
  for (int64_t b = 0; weights != nullptr && b < work.bits; ++b) {
    for (int64_t w = 0; w < work.words; ++w) {
      const uint32_t both =
          inputs[w] & weights[(b * work.words + w) * work.columns + n];
      sum += std::popcount(both) << b;
    }
  }
  return sum;
}

void Convert(const BitTileWork& work, const TileAdc& adc,
             const float* cycle_weight, float* values, int32_t* most) {
  for (int64_t p = 0; p < work.pixels; ++p) {
    for (int64_t n = 0; n < adc.outputs; ++n) {
      float total = 0;
      for (int64_t c = 0; c < work.cycles; ++c) {
        const uint32_t* inputs =
            work.inputs + (c * work.pixels + p) * work.words;
        const int32_t sum =
            Sum(work, inputs, work.plus, n) - Sum(work, inputs, work.minus, n);
        if (most != nullptr) most[n] = std::max(most[n], std::abs(sum));
        total += cycle_weight[c] * RoundClipped(float(sum) * adc.to_code[n],
                                                adc.lowest, adc.largest);
      }
      values[p * work.columns + n] += total * adc.to_value[n];
    }
  }
}

}  // namespace

BitTileKernels PortableBitTile() {
  return {"portable", true, false, Pack, Convert};
}

const std::vector<BitTileKernels>& BitTileKernelVariants() {
  static const std::vector<BitTileKernels> variants = {Avx512BitTile(),
                                                       PortableBitTile()};
  return variants;
}

const BitTileKernels& CurrentBitTileKernels() {
  static const BitTileKernels& best = *std::ranges::find_if(
      BitTileKernelVariants(), [](const auto& v) { return v.supported; });
  return forced != nullptr ? *forced : best;
}

void ForceBitTileKernels(const BitTileKernels* kernels) { forced = kernels; }

}  // namespace ohm::hw
