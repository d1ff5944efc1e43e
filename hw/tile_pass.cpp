#include "hw/tile_pass.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/kernels/simd.h"
#include "hw/converters.h"

namespace ohm::hw {
namespace {

// At least 16 blocks, so that a linear layer on a small batch still has work
// for several threads; whole register blocks (8 pixels).
int64_t BlockFor(int64_t pixels, int64_t most) {
  const int64_t wanted = (pixels + 15) / 16;
  return std::clamp<int64_t>((wanted + 7) / 8 * 8, 8, most);
}

// Of starts that take back `zero` times the weights.
Start StartOf(int64_t zero) {
  return zero == 0 ? Start::kZero : zero == 128 ? Start::kCentred : Start::kAny;
}

template <typename T>
T* Room(std::vector<T>* room, int64_t count) {
  if (int64_t(room->size()) < count) room->resize(size_t(count));
  return room->data();
}

OHM_SIMD_CLONES void ToFloats(const int32_t* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = float(from[i]);
}

OHM_SIMD_CLONES void AddScaled(const float* sums, const float* scale,
                               int64_t count, float* to) {
  for (int64_t n = 0; n < count; ++n) to[n] += sums[n] * scale[n];
}

OHM_SIMD_CLONES void AddRow(const int32_t* per_input, const int32_t* constant,
                            int32_t inputs, int64_t count, int32_t* to) {
  for (int64_t n = 0; n < count; ++n) {
    to[n] += per_input[n] * inputs + constant[n];
  }
}

}  // namespace

TilePass::TilePass(const Tensor& x, const Programmed& weights,
                   const Ranges& ranges, Cycles cycles, const PassNoise* noise)
    : weights_(weights),
      together_(cycles == Cycles::kTogether && weights.bits.defined() &&
                noise == nullptr && CurrentBitTileKernels().fast),
      image_(x, weights, ranges.input, together_,
             noise != nullptr && weights.noise.defined()),
      unit_(weights.step * image_.step() / float(weights.parts)),
      noise_input_(weights.spec.dac_bits == 0 && ranges.input > 0 ? ranges.input
                                                                  : 1.0F),
      block_(BlockFor(image_.pixels(), kMostPixels)),
      correction_places_(PlacesOf(weights.correction)),
      whole_places_(PlacesOf(weights.whole_correction)),
      noise_(noise) {
  if (noise != nullptr && weights.noise.defined()) SetNoisePlaces();
}

void TilePass::SetNoisePlaces() {
  if (!weights_.integer) {
    for (int64_t t = 0; t < weights_.map.row_tiles(); ++t) {
      for (const int32_t k : weights_.map.RowsOf(t)) {
        row_places_.push_back(static_cast<int32_t>(image_.PlaceOf(k)));
      }
    }
    return;
  }
  no_start_.assign(size_t(weights_.padded_outputs), 0);
  const std::vector<int32_t> places = image_.PlacesOf(weights_.noise.pieces);
  const auto images = int64_t(image_.images().size());
  for (const PackedRowTile& tile : weights_.noise.row_tiles) {
    for (int64_t i = 0; i < 2 * weights_.noise.images; ++i) {
      const int64_t image = images + i % weights_.noise.images;
      for (int64_t q = tile.first; q < tile.first + tile.count; ++q) {
        noise_places_.push_back(static_cast<int32_t>(
            image * image_.image_stride() + places[size_t(q)]));
      }
    }
  }
}

void TilePass::SetTile(int64_t group, int64_t row_tile,
                       TileBlock* block) const {
  block->group = group;
  block->row_tile = row_tile;
  const auto& tile = weights_.row_tiles[size_t(row_tile)];
  const int64_t columns = weights_.padded_outputs;
  const auto pieces = static_cast<int64_t>(weights_.pieces.size());
  const int64_t at = (group * pieces + tile.first) * columns;
  const int32_t* places = image_.places().data() + tile.first;
  if (weights_.integer) {
    block->work.count = block->pixels;
    block->work.quads = places;
    block->work.quad_count = tile.count;
    block->work.high = tile.high;
    block->work.weights = weights_.packed.data<int8_t>() + at * 4;
    block->work.start = weights_.start.data<int32_t>() +
                        (group * weights_.map.row_tiles() + row_tile) * columns;
    block->work.columns = columns;
    block->work.start_is = StartOf(image_.zero());
  } else {
    block->float_work.count = block->pixels;
    block->float_work.rows = places;
    block->float_work.row_count = tile.count;
    block->float_work.weights = weights_.packed.data() + at;
    block->float_work.columns = columns;
  }
}

std::span<float> TilePass::Sums(const TileBlock& block,
                                TileScratch* scratch) const {
  const int64_t count = block.pixels * weights_.padded_outputs;
  float* sums = Room(&scratch->sums, count);
  if (weights_.integer) {
    int32_t* integers = Room(&scratch->integers, count);
    CurrentTileKernels().sums(block.work, integers);
    ToFloats(integers, count, sums);
  } else {
    TileSumsF32(block.float_work, sums);
  }
  return {sums, size_t(count)};
}

size_t TilePass::planes() const {
  return weights_.slicing.slices.size() * weights_.slicing.cycles.size();
}

const uint8_t* const* TilePass::Windows(const TileBlock& block, size_t image,
                                        TileScratch* scratch) const {
  if (image == 0) return block.work.pixels;
  const uint8_t** windows = Room(&scratch->windows, block.pixels);
  for (int64_t p = 0; p < block.pixels; ++p) {
    windows[p] = block.work.pixels[p] + int64_t(image) * image_.image_stride();
  }
  return windows;
}

TileBlock TilePass::Plane(const TileBlock& block, size_t plane,
                          TileScratch* scratch) const {
  const size_t slices = weights_.slicing.slices.size();
  const auto slice = static_cast<int64_t>(plane % slices);
  TileBlock of_plane = block;
  of_plane.work.pixels = Windows(block, plane / slices, scratch);
  of_plane.work.weights += slice * (weights_.packed.count() / int64_t(slices));
  of_plane.work.start += slice * weights_.entries();
  return of_plane;
}

std::span<const int32_t> TilePass::NoiseSums(const TileBlock& block,
                                             size_t plane,
                                             TileScratch* scratch) const {
  const PackedNoise& noise = weights_.noise;
  const PackedRowTile& tile = noise.row_tiles[size_t(block.row_tile)];
  const size_t slices = weights_.slicing.slices.size();
  const auto slice = static_cast<int64_t>(plane % slices);
  const int64_t each = 2 * noise.images;
  TileWork work = block.work;
  work.pixels =
      Windows(block, size_t(noise.images) * (plane / slices), scratch);
  work.quads = noise_places_.data() + each * tile.first;
  work.quad_count = each * tile.count;
  work.high = noise.images * tile.count;
  work.weights = noise.packed.data<int8_t>() +
                 ((slice * weights_.map.matrix().groups + block.group) *
                      int64_t(noise.pieces.size()) +
                  tile.first) *
                     each * weights_.padded_outputs * 4;
  work.start = no_start_.data();
  work.start_is = Start::kZero;
  const int64_t count = block.pixels * weights_.padded_outputs;
  int32_t* sums = Room(&scratch->integers, count);
  CurrentTileKernels().sums(work, sums);
  return {sums, size_t(count)};
}

void TilePass::Inputs(const TileBlock& block, int64_t p,
                      std::span<float> values) const {
  const int32_t* places =
      row_places_.data() + weights_.map.FirstRow(block.row_tile);
  const float* window = block.float_work.pixels[p];
  for (size_t r = 0; r < values.size(); ++r) values[r] = window[places[r]];
}

void TilePass::AddSlices(const TileBlock& block, const Conversion& conversion,
                         size_t plane, BitTileWork work, float* values,
                         int32_t* most,
                         const std::function<void(size_t plane)>& taken) const {
  static constexpr float kCycleWeights[] = {1, 2, 4, 8, 16, 32, 64, 128};
  for (size_t s = 0; s < weights_.slicing.slices.size(); ++s) {
    const auto slice = static_cast<int64_t>(s);
    work.plus = weights_.BitsOf(slice, block.group, block.row_tile, 0);
    if (weights_.arms == 2) {
      work.minus = weights_.BitsOf(slice, block.group, block.row_tile, 1);
    }
    CurrentBitTileKernels().convert(
        work, conversion.PlaneAdc(block.group, block.row_tile, plane + s),
        kCycleWeights, values, most);
    if (RangePlanes(weights_.spec) > 1) taken(plane + s);
  }
}

void TilePass::AddBits(const TileBlock& block, const Conversion& conversion,
                       TileScratch* scratch, float* values, int32_t* most,
                       const std::function<void(size_t plane)>& taken) const {
  const Slicing& slicing = weights_.slicing;
  const size_t slices = slicing.slices.size();
  const size_t cycles = slicing.cycles.size() / slicing.passes();
  const bool apart = RangePlanes(weights_.spec) > 1;
  BitTileWork work;
  work.pixels = block.pixels;
  work.words = weights_.row_tiles[size_t(block.row_tile)].words;
  work.bits = weights_.digit_bits;
  work.columns = weights_.padded_outputs;
  const int64_t of_cycle = work.pixels * work.words;
  uint32_t* inputs = Room(&scratch->bits, int64_t(cycles) * of_cycle);
  for (size_t pass = 0; pass < slicing.passes(); ++pass) {
    if (image_.Idle(pass)) continue;
    CurrentBitTileKernels().pack(Windows(block, pass, scratch), block.pixels,
                                 block.work.quads, block.work.quad_count,
                                 int(cycles), inputs);
    work.inputs = inputs;
    work.cycles = apart ? 1 : int64_t(cycles);
    for (size_t c = 0; c < cycles; c += size_t(work.cycles)) {
      AddSlices(block, conversion, (pass * cycles + c) * slices, work, values,
                most, taken);
      work.inputs += of_cycle;
    }
  }
  if (!apart) taken(0);
}

std::vector<float> TilePass::CorrectionScale(const TileBlock& block,
                                             const Conversion& conversion,
                                             const PackedCodes& codes,
                                             float weight) const {
  std::vector<float> scale(size_t(conversion.outputs));
  const float* unit = conversion.offset_value.data() +
                      conversion.First(block.group, block.row_tile);
  for (size_t n = 0; n < scale.size(); ++n) {
    scale[n] = unit[n] * weight / float(codes.parts);
  }
  return scale;
}

void TilePass::AddCorrection(const TileBlock& block,
                             const Conversion& conversion, TileScratch* scratch,
                             float* y, int64_t stride) const {
  if (conversion.gained) {
    AddTileCorrection(block, conversion, scratch, y, stride);
  } else if (weights_.whole_correction.defined() &&
             block.row_tile + 1 == conversion.row_tiles) {
    AddCorrection(weights_.whole_correction, whole_places_, 0, block,
                  conversion, scratch, y, stride);
  }
}

void TilePass::AddTileCorrection(const TileBlock& block,
                                 const Conversion& conversion,
                                 TileScratch* scratch, float* y,
                                 int64_t stride) const {
  if (!weights_.correction.defined()) return;
  AddCorrection(weights_.correction, correction_places_, block.row_tile, block,
                conversion, scratch, y, stride);
}

TilePass::CorrectionPlaces TilePass::PlacesOf(const PackedCodes& codes) const {
  return {image_.PlacesOf(codes.pieces),
          image_.PlacesOf(codes.remainders.windows)};
}

void TilePass::AddCorrection(const PackedCodes& codes,
                             const CorrectionPlaces& places, int64_t row_tile,
                             const TileBlock& block,
                             const Conversion& conversion, TileScratch* scratch,
                             float* y, int64_t stride) const {
  if (!weights_.integer) {
    AddFloatCorrection(codes, places.pieces, row_tile, block, conversion,
                       scratch, y, stride);
    return;
  }
  const int64_t columns = weights_.padded_outputs;
  const PackedRowTile& tile = codes.row_tiles[size_t(row_tile)];
  const int64_t tile_of_all =
      block.group * int64_t(codes.row_tiles.size()) + row_tile;
  TileWork work = block.work;
  work.quads = places.pieces.data() + tile.first;
  work.quad_count = tile.count;
  work.high = tile.high;
  work.weights =
      codes.packed.data<int8_t>() +
      (block.group * int64_t(codes.pieces.size()) + tile.first) * columns * 4;
  const PackedRemainders& rest = codes.remainders;
  const int64_t step = rest.first[size_t(tile_of_all)];
  work.remainders = {rest.first[size_t(tile_of_all) + 1] - step,
                     places.windows.data() + step,
                     rest.picks.data() + step * columns * 4,
                     rest.weights.data() + step * columns * 4};
  int32_t* start = Room(&scratch->inputs, columns);
  work.start = start;
  const int64_t* sums = codes.sums.data() + tile_of_all * columns;
  const auto& images = image_.images();
  for (size_t i = 0; i < images.size(); ++i) {
    // The surplus of offset inputs stays, for it flowed through the cells that
    // are not what they should be, too.
    const int64_t surplus = image_.zero();
    for (int64_t n = 0; n < columns; ++n) {
      start[n] = static_cast<int32_t>(-surplus * sums[n]);
    }
    work.start_is = StartOf(surplus);
    work.pixels = Windows(block, i, scratch);
    const auto scale =
        CorrectionScale(block, conversion, codes,
                        float(images[i].sign * (1 << images[i].shift)));
    CurrentTileKernels().add(work, scale.data(), conversion.outputs, y, stride);
  }
}

void TilePass::AddFloatCorrection(const PackedCodes& codes,
                                  const std::vector<int32_t>& places,
                                  int64_t row_tile, const TileBlock& block,
                                  const Conversion& conversion,
                                  TileScratch* scratch, float* y,
                                  int64_t stride) const {
  const PackedRowTile& tile = codes.row_tiles[size_t(row_tile)];
  const int64_t columns = weights_.padded_outputs;
  TileWorkF32 work = block.float_work;
  work.rows = places.data() + tile.first;
  work.row_count = tile.count;
  work.weights =
      codes.codes.data() +
      (block.group * int64_t(codes.pieces.size()) + tile.first) * columns;
  float* sums = Room(&scratch->sums, block.pixels * columns);
  TileSumsF32(work, sums);
  const auto scale = CorrectionScale(block, conversion, codes, 1.0F);
  for (int64_t p = 0; p < block.pixels; ++p) {
    AddScaled(sums + p * columns, scale.data(), conversion.outputs,
              y + p * stride);
  }
}

// scratch->inputs: [pixels], the block's inputs as the converters see them.
void TilePass::SumInputs(const TileBlock& block, TileScratch* scratch) const {
  TileWork work = block.work;
  const auto& tile = weights_.row_tiles[size_t(block.row_tile)];
  work.weights =
      weights_.ones.data<int8_t>() + tile.first * Programmed::kOnesColumns * 4;
  work.start = weights_.ones_start.data<int32_t>() +
               block.row_tile * Programmed::kOnesColumns;
  work.columns = Programmed::kOnesColumns;
  int32_t* sums =
      Room(&scratch->integers, block.pixels * Programmed::kOnesColumns);
  int32_t* inputs = Room(&scratch->inputs, block.pixels);
  std::fill_n(inputs, block.pixels, 0);
  const auto& images = image_.images();
  for (size_t i = 0; i < images.size(); ++i) {
    work.pixels = Windows(block, i, scratch);
    CurrentTileKernels().sums(work, sums);
    const int32_t weight = images[i].sign * (1 << images[i].shift);
    for (int64_t p = 0; p < block.pixels; ++p) {
      inputs[p] += weight * sums[p * Programmed::kOnesColumns];
    }
  }
}

void TilePass::AddOffsets(const TileBlock& block, TileScratch* scratch,
                          std::span<int32_t> values) const {
  if (weights_.per_input.empty()) return;
  const int64_t columns = weights_.padded_outputs;
  if (weights_.ones.defined()) {
    SumInputs(block, scratch);
  } else {
    std::fill_n(Room(&scratch->inputs, block.pixels), block.pixels, 0);
  }
  const int64_t first =
      (block.group * weights_.map.row_tiles() + block.row_tile) * columns;
  for (int64_t p = 0; p < block.pixels; ++p) {
    AddRow(weights_.per_input.data() + first, weights_.constant.data() + first,
           scratch->inputs[size_t(p)], columns, values.data() + p * columns);
  }
}

}  // namespace ohm::hw
