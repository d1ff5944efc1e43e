// The loop that all passes over a layer's partial sums share. Internal to hw.
#pragma once

#include <algorithm>
#include <vector>

#include "hw/crossbar.h"
#include "hw/kernels/dot.h"
#include "hw/kernels/patch.h"

namespace ohm::hw {

// The partial sums of a block of pixels in one row tile.
struct TileBlock {
  int64_t group, row_tile;
  int64_t first_pixel, pixels;
  int64_t columns;    // outputs of the group, padded
  const float* sums;  // [pixels, columns], in products of codes
};

class TilePass {
 public:
  // The sums of a block of pixels stay in the first-level cache; a chunk of
  // blocks is one piece of work, the same whatever the number of threads.
  static constexpr int64_t kBlock = 32, kChunk = 128;

  TilePass(const Tensor& x, const Programmed& weights, const Ranges& ranges);

  int64_t pixels() const { return reader_.out_pixels(); }
  int64_t chunks() const { return (pixels() + kChunk - 1) / kChunk; }
  // Layer units of one product of codes: input step times weight step.
  float unit() const { return unit_; }

  // Calls visit(TileBlock) for the chunk's blocks; groups and blocks in order,
  // and for each block its row tiles in order.
  template <typename Visit>
  void RunChunk(int64_t chunk, const Visit& visit) const;

 private:
  void Sums(int64_t group, int64_t row_tile, int64_t count, const void* patch,
            int32_t* integers, float* sums) const;

  const Programmed& weights_;
  Tensor input_;  // codes + 128 (u8), or values in codes (f32)
  float unit_ = 1;
  PatchReader reader_;
  PatchLayout layout_;
  std::vector<int32_t> offsets_;  // [groups, row tiles, columns]: 128 * sum(w)
};

template <typename Visit>
void TilePass::RunChunk(int64_t chunk, const Visit& visit) const {
  const int64_t columns = weights_.padded_outputs;
  const int64_t entry = weights_.integer ? 1 : int64_t(sizeof(float));
  std::vector<std::byte> patch(size_t(kBlock * layout_.stride * entry));
  std::vector<int32_t> integers(size_t(kBlock * columns));
  std::vector<float> sums(size_t(kBlock * columns));
  const int64_t end = std::min(pixels(), (chunk + 1) * kChunk);
  for (int64_t g = 0; g < weights_.map.matrix().groups; ++g) {
    for (int64_t first = chunk * kChunk; first < end; first += kBlock) {
      const int64_t count = std::min(kBlock, end - first);
      if (weights_.integer) {
        reader_.Read(input_.data<uint8_t>(), g, first, count, uint8_t{128},
                     reinterpret_cast<uint8_t*>(patch.data()));
      } else {
        reader_.Read(input_.data(), g, first, count, 0.0F,
                     reinterpret_cast<float*>(patch.data()));
      }
      for (int64_t t = 0; t < weights_.map.row_tiles(); ++t) {
        Sums(g, t, count, patch.data(), integers.data(), sums.data());
        visit(TileBlock{g, t, first, count, columns, sums.data()});
      }
    }
  }
}

// How the ADC of every logical column turns sums into numbers:
// code = round(clip(sum * to_code, largest)), value = code * to_value; where
// `ideal`, value = sum * to_value.
struct Conversion {
  std::vector<float> to_code, to_value;  // [groups, row tiles, columns]
  float largest = 0;
  bool ideal = false;

  // First entry of a block's row.
  static int64_t At(const Programmed& weights, const TileBlock& block) {
    return (block.group * weights.map.row_tiles() + block.row_tile) *
           block.columns;
  }
};
// `unit` is TilePass::unit(); gain [row_tiles, out] or undefined.
Conversion MakeConversion(const Programmed& weights, const Ranges& ranges,
                          float unit, const Tensor& gain);

}  // namespace ohm::hw
