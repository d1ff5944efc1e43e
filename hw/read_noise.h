// What reading a layer's cells draws, as the kernels take it: the variance of
// each sum as a product of the inputs with what the cells contribute. Internal
// to hw.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor/tensor.h"
#include "hw/chip.h"
#include "hw/packing.h"

namespace ohm::hw {

struct Programmed;

// Integer layers take a digit d of an input as bytes, each in an image of its
// own: |d|, and where a variance goes with the square, d^2 / 256 and d^2 % 256.
inline constexpr int64_t kLinearImages = 1, kSquareImages = 3;

// In units of sums, squared (TilePass::unit). Undefined: nothing is drawn.
struct PackedNoise {
  // Integer: variance = scale * sum + constant, of a sum of whole numbers. What
  // they stand for is within 1/65,000 of the column's largest; what goes with
  // the square of digits below 16, where larger ones are, too, within 1/250.
  std::vector<int32_t> pieces;           // quads of one image
  std::vector<PackedRowTile> row_tiles;  // in `pieces`
  int64_t images = 0;                    // kLinearImages or kSquareImages
  // s8 [slices, groups, 2 * images * pieces, padded_outputs, 4]; of a row tile
  // the upper digits of all images, then the lower ones.
  Tensor packed;
  Tensor scale;  // [slices, groups, row_tiles, padded_outputs]
  // Float: [slices, groups, rows of all row tiles, 2 (of |x|, of x^2),
  // padded_outputs].
  Tensor rows;
  Tensor constant;  // [slices, groups, row_tiles, padded_outputs]

  bool defined() const { return constant.defined(); }
};

// `layer` is complete but for its noise.
PackedNoise PackNoise(const ReadVariances& read, const Programmed& layer);

}  // namespace ohm::hw
