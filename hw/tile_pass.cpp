#include "hw/tile_pass.h"

#include <algorithm>

#include "core/base/check.h"
#include "hw/converters.h"

namespace ohm::hw {
namespace {

// At least 16 blocks, so that a linear layer on a small batch still has work
// for several threads; whole register blocks (8 pixels).
int64_t BlockFor(int64_t pixels, int64_t most) {
  const int64_t wanted = (pixels + 15) / 16;
  return std::clamp<int64_t>((wanted + 7) / 8 * 8, 8, most);
}

}  // namespace

TilePass::TilePass(const Tensor& x, const Programmed& weights,
                   const Ranges& ranges)
    : weights_(weights),
      image_(x, weights, ranges.input),
      unit_(weights.step * image_.step()),
      block_(BlockFor(image_.pixels(), kMostPixels)) {}

void TilePass::SetTile(int64_t group, int64_t row_tile,
                       TileBlock* block) const {
  block->group = group;
  block->row_tile = row_tile;
  const auto& tile = weights_.row_tiles[size_t(row_tile)];
  const int64_t columns = weights_.padded_outputs;
  const int64_t at =
      group * (weights_.packed.count() / weights_.map.matrix().groups) +
      tile.at;
  const int32_t* places = image_.places().data() + tile.first;
  if (weights_.integer) {
    block->work.count = block->pixels;
    block->work.quads = places;
    block->work.quad_count = tile.count;
    block->work.weights = weights_.packed.data<int8_t>() + at;
    block->work.start = weights_.start.data<int32_t>() +
                        (group * weights_.map.row_tiles() + row_tile) * columns;
    block->work.columns = columns;
  } else {
    block->float_work.count = block->pixels;
    block->float_work.rows = places;
    block->float_work.row_count = tile.count;
    block->float_work.weights = weights_.packed.data() + at;
    block->float_work.columns = columns;
  }
}

void TilePass::Sums(const TileBlock& block, std::vector<int32_t>* scratch,
                    float* sums) const {
  if (!weights_.integer) {
    TileSumsF32(block.float_work, sums);
    return;
  }
  CurrentTileKernels().sums(block.work, scratch->data());
  std::copy_n(scratch->data(), block.pixels * weights_.padded_outputs, sums);
}

Conversion MakeConversion(const Programmed& weights, const Ranges& ranges,
                          float unit, const Tensor& gain) {
  const TileMap& map = weights.map;
  const int bits = weights.spec.adc_bits;
  const auto tiles = size_t(map.tiles());
  Conversion c;
  c.ideal = bits == 0 || ranges.adc.empty();
  OHM_CHECK(c.ideal || ranges.adc.size() == 1 || ranges.adc.size() == tiles,
            "[crossbar] expected one ADC range or one for each of " +
                std::to_string(tiles) + " tiles, got " +
                std::to_string(ranges.adc.size()));
  OHM_CHECK(!gain.defined() || gain.shape() == map.MaskEntries(),
            "[crossbar] expected gains " + map.MaskEntries().str() + ", got " +
                (gain.defined() ? gain.shape().str() : ""));
  c.largest = c.ideal ? 0.0F : float(LargestCode(bits));
  c.row_tiles = map.row_tiles();
  c.outputs = map.matrix().outputs;
  c.padded_outputs = weights.padded_outputs;
  const auto entries = size_t(c.First(map.matrix().groups, 0));
  c.to_code.assign(entries, 0.0F);
  c.to_value.assign(entries, 0.0F);
  for (int64_t o = 0; o < map.outputs(); ++o) {
    for (int64_t t = 0; t < map.row_tiles(); ++t) {
      const auto at = size_t(c.At(t, o));
      const float scale =
          gain.defined() ? gain.data()[t * map.outputs() + o] : 1.0F;
      float step = unit;  // of one code, in layer units
      if (!c.ideal) {
        const auto tile = ranges.adc.size() == 1 ? 0 : map.TileOf(t, o);
        step = StepFor(ranges.adc[size_t(tile)], bits);
      }
      c.to_code[at] = unit / step;
      c.to_value[at] = step * scale;
    }
  }
  return c;
}

}  // namespace ohm::hw
