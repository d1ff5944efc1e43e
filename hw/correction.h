// Whole numbers that are multiplied with a layer's inputs digitally, next to
// its tiles: the correction of stuck cells. Internal to hw.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor/tensor.h"
#include "hw/packing.h"
#include "hw/remainders.h"

namespace ohm::hw {

struct Programmed;

// Codes as the byte kernels read them, in parts of 1 / parts of a code.
struct PackedCodes {
  int parts = 1;
  int64_t entries = 0;  // codes other than 0: digital multiply-adds of a window
  std::vector<int32_t> pieces;
  std::vector<PackedRowTile> row_tiles;
  Tensor packed;                // s8 [groups, pieces, padded_outputs, 4]
  std::vector<int64_t> sums;    // of the codes, in parts: [groups, row_tiles,
                                // padded_outputs]
  PackedRemainders remainders;  // of codes beyond a byte, where few are
  Tensor codes;  // where the layer is not integer: f32, like packed

  bool defined() const { return entries > 0; }
};

// codes f32 [out, fan-in], in the row tiles of `map`. `layer` has its slicing,
// channels and padded_outputs.
PackedCodes PackCorrection(const Tensor& codes, const TileMap& map,
                           const Programmed& layer);

}  // namespace ohm::hw
