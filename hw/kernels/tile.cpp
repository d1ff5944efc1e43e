#include "hw/kernels/tile.h"

#include <algorithm>

namespace ohm::hw {
namespace {

const TileKernels* forced = nullptr;

}  // namespace

const std::vector<TileKernels>& TileKernelVariants() {
  static const std::vector<TileKernels> variants = {
      AmxTile(), Avx512VnniTile(), Avx512Tile(), Avx2Tile(), PortableTile(),
  };
  return variants;
}

const TileKernels& CurrentTileKernels() {
  static const TileKernels& best = *std::ranges::find_if(
      TileKernelVariants(), [](const auto& v) { return v.supported; });
  return forced != nullptr ? *forced : best;
}

void ForceTileKernels(const TileKernels* kernels) { forced = kernels; }

}  // namespace ohm::hw
