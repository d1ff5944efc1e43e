// The loop that all passes over a layer's partial sums share. Internal to hw.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "hw/adc.h"
#include "hw/crossbar.h"
#include "hw/input_image.h"
#include "hw/kernels/bit_tile.h"
#include "hw/kernels/tile.h"
#include "hw/kernels/tile_float.h"

namespace ohm::hw {

// One row tile of one group on a block of output pixels.
struct TileBlock {
  int64_t group = 0, row_tile = 0;
  int64_t first_pixel = 0, pixels = 0;
  TileWork work;           // where the weights are integers: the first plane
  TileWorkF32 float_work;  // else
};

// Scratch of one thread: what a block's sums and values need.
struct TileScratch {
  std::vector<int32_t> integers;  // sums
  std::vector<int32_t> inputs;    // sums of inputs
  std::vector<float> sums, planes;
  std::vector<const uint8_t*> windows;
  std::vector<uint32_t> bits;  // of inputs
};

// How the cycles of a bit-serial input are taken: one after the other, or all
// bits of a pass at once, which gives no sums of single planes.
enum class Cycles : uint8_t { kApart, kTogether };

class TilePass {
 public:
  // kTogether only has an effect where it is possible and fast.
  TilePass(const Tensor& x, const Programmed& weights, const Ranges& ranges,
           Cycles cycles = Cycles::kApart, const PassNoise* noise = nullptr);

  // Layer units of a sum of 1: input step times weight step, over the parts
  // that sums count (Programmed::parts).
  float unit() const { return unit_; }
  // What an input of 1 is in the variances of reads (ReadVariances): the range
  // of an ideal DAC, else a code.
  float noise_input() const { return noise_input_; }

  // Blocks of pixels are the pieces of parallel work. Where they are cut
  // depends on the problem alone, never on the number of threads.
  int64_t blocks() const { return (image_.pixels() + block_ - 1) / block_; }
  int64_t block_pixels() const { return block_; }
  // Output pixels of one image.
  int64_t image_pixels() const { return image_.image_pixels(); }

  const PassNoise* noise() const { return noise_; }

  // Calls visit(const TileBlock&) for the row tiles of each of the blocks
  // [begin, end): blocks in order, their groups in order, row tiles in order.
  template <typename Visit>
  void Run(int64_t begin, int64_t end, const Visit& visit) const;

  // A block's sums in products of codes: [pixels, padded outputs]. Valid until
  // the scratch is used again.
  std::span<float> Sums(const TileBlock& block, TileScratch* scratch) const;

  // Planes: one slice in one cycle each, cycles in order, their slices in
  // order. Only where the weights are integers.
  size_t planes() const;
  TileBlock Plane(const TileBlock& block, size_t plane,
                  TileScratch* scratch) const;

  // The sums of Programmed::noise for a plane, [pixels, padded outputs]; valid
  // until the scratch is used again. Where reads draw noise only; integer.
  std::span<const int32_t> NoiseSums(const TileBlock& block, size_t plane,
                                     TileScratch* scratch) const;
  // The values on the rows of a block's tile, for pixel p of the block. Where
  // reads draw noise only; float.
  void Inputs(const TileBlock& block, int64_t p, std::span<float> values) const;

  // Whether a plane's inputs are all 0: nothing flows, its conversions give 0.
  bool Idle(size_t plane) const {
    return image_.Idle(plane / weights_.slicing.slices.size());
  }

  // Whether cycles are taken together: then AddBits instead of Plane. Adds what
  // a row tile's conversions make of a block, codes times the weights of their
  // planes, to values [pixels, padded outputs]. most [padded outputs] or null:
  // its largest sums grow until `taken` is called, behind each plane that has a
  // range of its own, else once with 0.
  bool together() const { return together_; }
  void AddBits(const TileBlock& block, const Conversion& conversion,
               TileScratch* scratch, float* values, int32_t* most,
               const std::function<void(size_t plane)>& taken) const;

  // What conversions in planes do not see, in products of codes (Programmed::
  // per_input and constant): [pixels, padded outputs] is added to `values`.
  void AddOffsets(const TileBlock& block, TileScratch* scratch,
                  std::span<int32_t> values) const;

  // Adds what is multiplied digitally (Programmed::correction), in layer units
  // and gain included: y[pixel * stride + output]. To be called for every row
  // tile; without gains all of it is added behind the last one.
  void AddCorrection(const TileBlock& block, const Conversion& conversion,
                     TileScratch* scratch, float* y, int64_t stride) const;
  // Adds this row tile's share of it.
  void AddTileCorrection(const TileBlock& block, const Conversion& conversion,
                         TileScratch* scratch, float* y, int64_t stride) const;

 private:
  // A block's input windows and outputs stay in the first-level cache; a
  // multiple of the kernels' register blocks.
  static constexpr int64_t kMostPixels = 48;

  void SetNoisePlaces();
  void SetTile(int64_t group, int64_t row_tile, TileBlock* block) const;
  // Windows of another image than the first.
  const uint8_t* const* Windows(const TileBlock& block, size_t image,
                                TileScratch* scratch) const;
  // Where the image has what a correction reads.
  struct CorrectionPlaces {
    std::vector<int32_t> pieces, windows;
  };
  CorrectionPlaces PlacesOf(const PackedCodes& codes) const;
  void AddCorrection(const PackedCodes& codes, const CorrectionPlaces& places,
                     int64_t row_tile, const TileBlock& block,
                     const Conversion& conversion, TileScratch* scratch,
                     float* y, int64_t stride) const;
  void AddFloatCorrection(const PackedCodes& codes,
                          const std::vector<int32_t>& places, int64_t row_tile,
                          const TileBlock& block, const Conversion& conversion,
                          TileScratch* scratch, float* y, int64_t stride) const;
  std::vector<float> CorrectionScale(const TileBlock& block,
                                     const Conversion& conversion,
                                     const PackedCodes& codes,
                                     float weight) const;
  void SumInputs(const TileBlock& block, TileScratch* scratch) const;
  // The slices of a pass, in the cycles that `work` has, from `plane` on.
  void AddSlices(const TileBlock& block, const Conversion& conversion,
                 size_t plane, BitTileWork work, float* values, int32_t* most,
                 const std::function<void(size_t plane)>& taken) const;

  const Programmed& weights_;
  bool together_;
  InputImage image_;
  float unit_, noise_input_;
  int64_t block_;
  CorrectionPlaces correction_places_, whole_places_;
  const PassNoise* noise_;
  // With noise only: of its quads, and of all row tiles' rows.
  std::vector<int32_t> noise_places_, row_places_;
  std::vector<int32_t> no_start_;  // zeros
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

}  // namespace ohm::hw
