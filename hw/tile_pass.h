// The loop that all passes over a layer's partial sums share. Internal to hw.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "hw/crossbar.h"
#include "hw/input_image.h"
#include "hw/kernels/tile.h"
#include "hw/kernels/tile_float.h"

namespace ohm::hw {

// One row tile of one group on a block of output pixels.
struct TileBlock {
  int64_t group = 0, row_tile = 0;
  int64_t first_pixel = 0, pixels = 0;
  TileWork work;           // where the weights are integers,
  TileWorkF32 float_work;  // else
};

class TilePass {
 public:
  TilePass(const Tensor& x, const Programmed& weights, const Ranges& ranges);

  // Layer units of one product of codes: input step times weight step.
  float unit() const { return unit_; }

  // Blocks of pixels are the pieces of parallel work. Where they are cut
  // depends on the problem alone, never on the number of threads.
  int64_t blocks() const { return (image_.pixels() + block_ - 1) / block_; }
  int64_t block_pixels() const { return block_; }

  // Calls visit(const TileBlock&) for the row tiles of each of the blocks
  // [begin, end): blocks in order, their groups in order, row tiles in order.
  template <typename Visit>
  void Run(int64_t begin, int64_t end, const Visit& visit) const;

  // The block's sums in products of codes: [pixels, padded outputs]. Scratch
  // holds block_pixels() * padded outputs integers.
  void Sums(const TileBlock& block, std::vector<int32_t>* scratch,
            float* sums) const;

 private:
  // A block's input windows and outputs stay in the first-level cache; a
  // multiple of the kernels' register blocks.
  static constexpr int64_t kMostPixels = 48;

  void SetTile(int64_t group, int64_t row_tile, TileBlock* block) const;

  const Programmed& weights_;
  InputImage image_;
  float unit_;
  int64_t block_;
};

template <typename Visit>
void TilePass::Run(int64_t begin, int64_t end, const Visit& visit) const {
  const uint8_t* codes[kMostPixels];
  const float* values[kMostPixels];
  for (int64_t b = begin; b < end; ++b) {
    TileBlock block;
    block.first_pixel = b * block_;
    block.pixels = std::min(block_, image_.pixels() - block.first_pixel);
    block.work.pixels = codes;
    block.float_work.pixels = values;
    for (int64_t g = 0; g < weights_.map.matrix().groups; ++g) {
      if (weights_.integer) {
        image_.Windows(g, block.first_pixel, block.pixels, codes);
      } else {
        image_.Windows(g, block.first_pixel, block.pixels, values);
      }
      for (int64_t t = 0; t < weights_.map.row_tiles(); ++t) {
        SetTile(g, t, &block);
        visit(std::as_const(block));
      }
    }
  }
}

// How the ADC of every logical column turns sums into numbers:
// code = round(clip(sum * to_code, largest)), value = code * to_value; where
// `ideal`, value = sum * to_value.
struct Conversion {
  std::vector<float> to_code, to_value;  // [groups, row tiles, padded outputs]
  float largest = 0;
  bool ideal = false;
  int64_t row_tiles = 0, outputs = 0, padded_outputs = 0;  // of one group

  // Entry of a logical column, output counted over all groups.
  int64_t At(int64_t row_tile, int64_t output) const {
    return First(output / outputs, row_tile) + output % outputs;
  }
  int64_t First(int64_t group, int64_t row_tile) const {
    return (group * row_tiles + row_tile) * padded_outputs;
  }
  // Of a block's columns.
  TileAdc Adc(const TileBlock& block) const {
    const int64_t first = First(block.group, block.row_tile);
    return {to_code.data() + first, to_value.data() + first, largest, outputs};
  }
  // A sum at the edge of its range may land an ulp outside it; it is not
  // clipped by that.
  float limit() const { return largest * (1.0F + 1e-6F); }
};
// `unit` is TilePass::unit(); gain [row_tiles, out] or undefined.
Conversion MakeConversion(const Programmed& weights, const Ranges& ranges,
                          float unit, const Tensor& gain);

}  // namespace ohm::hw
