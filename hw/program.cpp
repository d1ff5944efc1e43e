#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/adc.h"
#include "hw/chip.h"
#include "hw/column_steps.h"
#include "hw/converters.h"
#include "hw/correction.h"
#include "hw/crossbar.h"
#include "hw/read_noise.h"
#include "hw/rewrite.h"

namespace ohm::hw {
namespace {

int64_t RoundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

bool FitsBytes(int largest) { return largest >= 1 && largest <= 127; }

// A digit as a whole number of what sums count, half to even.
int Counted(float digit, double counts) {
  return static_cast<int>(std::lrint(double(digit) * counts));
}

// Packs the digits of one slice of one logical column after the other.
class IntegerPacker {
 public:
  IntegerPacker(std::vector<RowPlace> rows, Width width, Programmed* p)
      : rows_(std::move(rows)), width_(width), p_(*p) {
    const int64_t groups = p_.map.matrix().groups;
    const int64_t tiles = p_.map.row_tiles();
    const auto pieces = static_cast<int64_t>(p_.pieces.size());
    slices_ = int64_t(p_.slicing.slices.size());
    const Shape packed{slices_, groups, pieces, p_.padded_outputs * 4};
    p_.packed = Tensor::Zeros(packed, DType::kS8);
    p_.start =
        Tensor::Zeros({slices_, groups, tiles, p_.padded_outputs}, DType::kS32);
    input_zero_ = p_.slicing.signed_inputs ? 128 : 0;
    if (p_.slicing.bit_serial() && !p_.cells.defined()) ReserveBits();
    if (p_.slicing.signed_weights && p_.slicing.input_offset == 0) return;
    p_.per_input.assign(size_t(p_.entries()), 0);
    p_.constant.assign(size_t(p_.entries()), 0);
    if (hw::Flips(p_.spec, p_.slicing)) {
      p_.flipped.assign(size_t(slices_ * p_.entries()), 0);
    }
    if (!p_.slicing.signed_weights) PackOnes();
  }

  void PackAll() {
    ParallelFor(p_.map.outputs(), 16, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) PackOutput(o);
    });
  }

 private:
  void ReserveBits() {
    p_.digit_bits = std::bit_width(unsigned(p_.slicing.LargestWeightDigit()));
    p_.arms = p_.slicing.signed_weights ? 2 : 1;
    const auto& last = p_.row_tiles.back();
    p_.bits = Tensor::Zeros({slices_, p_.map.matrix().groups,
                             (last.first_word + last.words) * p_.arms *
                                 p_.digit_bits * p_.padded_outputs},
                            DType::kS32);
  }

  void SetBits(int digit, int64_t row, int64_t column, int64_t words,
               uint32_t* bits) const {
    if (digit < 0) bits += p_.digit_bits * words * p_.padded_outputs;
    for (int64_t b = 0; b < p_.digit_bits; ++b) {
      const auto bit = (static_cast<uint32_t>(std::abs(digit)) >> b) & 1U;
      bits[(b * words + row / 32) * p_.padded_outputs + column] |=
          bit << (row % 32);
    }
  }

  // What a row tile's inputs add up to, as the converters see them.
  void PackOnes() {
    const auto pieces = static_cast<int64_t>(p_.pieces.size());
    p_.ones = Tensor::Zeros({pieces, Programmed::kOnesColumns * 4}, DType::kS8);
    p_.ones_start = Tensor::Zeros(
        {p_.map.row_tiles(), Programmed::kOnesColumns}, DType::kS32);
    auto* ones = p_.ones.data<int8_t>();
    const RowPlace* row = rows_.data();
    for (int64_t t = 0; t < p_.map.row_tiles(); ++t) {
      const auto rows = static_cast<int64_t>(p_.map.RowsOf(t).size());
      const PackedRowTile& tile = p_.row_tiles[size_t(t)];
      for (int64_t r = 0; r < rows; ++r, ++row) {
        const int64_t piece =
            tile.first + (tile.high > 0 ? row->second : row->piece);
        ones[piece * Programmed::kOnesColumns * 4 + row->lane] = 1;
      }
      p_.ones_start.data<int32_t>()[t * Programmed::kOnesColumns] =
          static_cast<int32_t>(-input_zero_ * rows);
    }
  }

  void PackOutput(int64_t output) {
    const float* codes = p_.codes.data() + output * p_.map.matrix().fan_in;
    const RowPlace* rows = rows_.data();
    for (int64_t t = 0; t < p_.map.row_tiles(); ++t) {
      const std::span column(rows, p_.map.RowsOf(t).size());
      for (int64_t s = 0; s < slices_; ++s) {
        PackSlice(codes, column, s, t, output);
      }
      if (!p_.per_input.empty()) SetOffsets(codes, column, t, output);
      rows += column.size();
    }
  }

  void PackSlice(const float* codes, std::span<const RowPlace> rows,
                 int64_t slice, int64_t row_tile, int64_t output) {
    const int64_t outputs = p_.map.matrix().outputs, group = output / outputs;
    const PackedRowTile& tile = p_.row_tiles[size_t(row_tile)];
    const auto pieces = static_cast<int64_t>(p_.pieces.size());
    const int64_t plane =
        (slice * p_.map.matrix().groups + group) * pieces + tile.first;
    int8_t* to = p_.packed.data<int8_t>() +
                 (plane * p_.padded_outputs + output % outputs) * 4;
    const int64_t entry = slice * p_.entries() + p_.At(row_tile, output);
    const bool flips = Flips(codes, row_tile, slice);
    if (flips) p_.flipped[size_t(entry)] = 1;
    auto* bits =
        p_.bits.defined()
            ? const_cast<uint32_t*>(p_.BitsOf(slice, group, row_tile, 0))
            : nullptr;
    // Of cells, in the parts or steps that sums count.
    const double counts =
        p_.parts / double(GainOf(p_.sum_scale, p_.map, row_tile, output));
    int64_t sum = 0;
    for (const RowPlace& row : rows) {
      const int digit =
          p_.cells.defined()
              ? Counted(Cell(row, slice, output), counts)
              : Stored(Digit(codes, row, slice, output), slice, flips);
      const SplitBytes bytes = Split(digit, width_);
      to[row.piece * p_.padded_outputs * 4 + row.lane] = bytes.first;
      if (row.second >= 0) {
        to[row.second * p_.padded_outputs * 4 + row.lane] = bytes.second;
      }
      sum += digit;
      if (bits == nullptr) continue;
      SetBits(digit, row.piece * 4 + row.lane, output % outputs, tile.words,
              bits);
    }
    p_.start.data<int32_t>()[entry] = static_cast<int32_t>(-input_zero_ * sum);
  }

  float Cell(const RowPlace& row, int64_t slice, int64_t output) const {
    const int64_t fan_in = p_.map.matrix().fan_in;
    return p_.cells
        .data()[(slice * p_.map.outputs() + output) * fan_in + row.fan_in];
  }

  int Stored(int digit, int64_t slice, bool flips) const {
    return flips ? p_.slicing.slices[size_t(slice)].largest - digit : digit;
  }

  int Digit(const float* codes, const RowPlace& row, int64_t slice,
            int64_t output) const {
    const auto s = static_cast<size_t>(slice);
    const auto code = static_cast<int>(codes[row.fan_in]);
    if (!p_.minus.defined()) return p_.slicing.WeightDigit(code, s);
    const auto minus = static_cast<int>(
        p_.minus.data()[output * p_.map.matrix().fan_in + row.fan_in]);
    return p_.slicing.WeightDigit(code + minus, s) -
           p_.slicing.WeightDigit(minus, s);
  }

  bool Flips(const float* codes, int64_t row_tile, int64_t slice) const {
    return !p_.flipped.empty() &&
           StoresComplement(codes, p_.map.RowsOf(row_tile), p_.slicing,
                            size_t(slice));
  }

  // With stored weights U = W + o and applied inputs V = X + a, and T the sum
  // of V over the rows: sum W X = sum U V - o T - a sum U + o a rows. A
  // complement adds what it lacks, its largest digit times T.
  void SetOffsets(const float* codes, std::span<const RowPlace> rows,
                  int64_t row_tile, int64_t output) {
    const auto at = size_t(p_.At(row_tile, output));
    const int o = p_.slicing.weight_offset, a = p_.slicing.input_offset;
    int32_t stored = 0;
    for (const RowPlace& row : rows) {
      stored += static_cast<int>(codes[row.fan_in]) + o;
    }
    p_.constant[at] = a * (o * static_cast<int32_t>(rows.size()) - stored);
    int32_t per_input = -o;
    for (int64_t s = 0; s < slices_ && !p_.flipped.empty(); ++s) {
      const Digits& slice = p_.slicing.slices[size_t(s)];
      if (p_.flipped[size_t(s * p_.entries()) + at] != 0) {
        per_input += slice.largest << slice.shift;
      }
    }
    p_.per_input[at] = per_input;
  }

  std::vector<RowPlace> rows_;
  Width width_;
  Programmed& p_;
  int64_t slices_ = 1;
  int64_t input_zero_ = 0;  // code that stands for no voltage
};

void PackFloats(const std::vector<RowPlace>& rows, Programmed* p) {
  const MatrixShape& m = p->map.matrix();
  const auto pieces = static_cast<int64_t>(p->pieces.size());
  p->packed = Tensor::Zeros({1, m.groups, pieces, p->padded_outputs});
  for (int64_t o = 0; o < p->map.outputs(); ++o) {
    const Tensor& stored = p->cells.defined() ? p->cells : p->codes;
    const float* from = stored.data() + o * m.fan_in;
    float* to = p->packed.data() + o / m.outputs * pieces * p->padded_outputs +
                o % m.outputs;
    for (size_t i = 0; i < rows.size(); ++i) {
      to[int64_t(i) * p->padded_outputs] = from[rows[i].fan_in];
    }
  }
}

// Whether no ADC of the layer can lose anything.
bool IsLossless(const TileMap& map, const CrossbarSpec& spec,
                const Slicing& slicing) {
  for (int64_t t = 0; t < map.row_tiles(); ++t) {
    if (!IsLossless(int64_t(map.RowsOf(t).size()), spec, slicing)) return false;
  }
  return true;
}

}  // namespace

const uint32_t* Programmed::BitsOf(int64_t slice, int64_t group,
                                   int64_t row_tile, int64_t arm) const {
  const PackedRowTile& tile = row_tiles[size_t(row_tile)];
  const int64_t of_word = digit_bits * padded_outputs;
  const int64_t of_slice = bits.count() / bits.size(0) / bits.size(1);
  return reinterpret_cast<const uint32_t*>(bits.data<int32_t>()) +
         (slice * bits.size(1) + group) * of_slice +
         (tile.first_word * arms + arm * tile.words) * of_word;
}

int64_t Programmed::At(int64_t row_tile, int64_t output) const {
  const int64_t outputs = map.matrix().outputs;
  return (output / outputs * map.row_tiles() + row_tile) * padded_outputs +
         output % outputs;
}

int64_t Programmed::entries() const {
  return map.matrix().groups * map.row_tiles() * padded_outputs;
}

namespace {

bool AreWhole(const Tensor& cells) {
  return std::ranges::all_of(cells.span(),
                             [](float v) { return v == std::nearbyint(v); });
}

// How the kernels are to read the cells. Whole digits, of cells that are only
// stuck, stay whole, though they may add up to more than a byte.
Width WidthFor(const Writing& writing, Programmed* p) {
  if (!p->integer || !p->cells.defined()) return Width::kByte;
  const bool whole = AreWhole(p->cells);
  if (whole && MaxAbs(p->cells) <= 127) return Width::kByte;
  if (whole || writing.chip->device.steps == CellSteps::kFine) {
    p->parts = PartsFor(p->cells, p->map, p->slicing.LargestInputDigit());
    return Width::kWide;
  }
  RoundToColumnSteps(p);
  return Width::kByte;
}

ReadVariances ReadChip(const LayerOnChip& chip, FrozenWires* frozen,
                       Programmed* p) {
  ChipCells cells = CellsOnChip(p->codes, p->map, p->spec, p->slicing, chip,
                                frozen, p->minus);
  p->lossless = false;
  p->cells = std::move(cells.digits);
  p->faulty_cells = cells.faulty_cells;
  p->slope = std::move(cells.slope);
  for (int64_t i = 0; i < p->effective.count(); ++i) {
    p->effective.data()[i] = cells.codes.data()[i] * p->step;
  }
  if (!cells.correction.defined()) return cells.read;
  p->converted = p->effective.Clone();
  for (int64_t i = 0; i < p->effective.count(); ++i) {
    p->effective.data()[i] += cells.correction.data()[i] * p->step;
  }
  p->correction = PackCorrection(cells.correction, p->map, *p);
  p->whole_correction =
      PackCorrection(cells.correction, p->map.InOneTile(), *p);
  return cells.read;
}

// The columns' share in what weights do, and in their gradients.
void Attenuate(const Tensor& attenuation, Programmed* p) {
  const TileMap& map = p->map;
  OHM_CHECK(attenuation.shape() == map.MaskEntries(),
            "[crossbar] expected attenuations " + map.MaskEntries().str() +
                ", got " + attenuation.shape().str());
  OHM_CHECK(SlicingOf(p->spec).whole() && !p->cells.defined(),
            "[crossbar] attenuation stands for devices in whole conversions "
            "(hw.adc_per = \"output\") of ideal cells");
  p->sum_scale = attenuation;
  p->slope = Tensor::Full(p->weight_shape, 1.0F);
  ScaleColumns(map, attenuation, &p->slope);
  ScaleColumns(map, attenuation, &p->effective);
}

}  // namespace

Programmed Program(const Tensor& w, const Conv2dSpec& conv,
                   const CrossbarSpec& spec, const Writing& writing) {
  OHM_CHECK(w.shape().rank() == 4,
            "[crossbar] expected weights [out, kh, kw, in / groups], got " +
                w.shape().str());
  Programmed p;
  p.spec = spec;
  p.conv = conv;
  p.weight_shape = w.shape();
  p.map = TileMap(MatrixOf(w.shape(), conv.groups), spec);
  QuantizedWeights q = QuantizeWeights(w, LargestWeight(spec), writing.range);
  p.step = q.step;
  p.codes = std::move(q.codes);
  p.effective = p.codes.Clone();
  for (float& value : p.effective.span()) value *= p.step;

  p.slicing = SlicingOf(spec);
  p.integer = FitsBytes(LargestWeight(spec)) && FitsBytes(LargestInput(spec));
  p.channels = p.integer ? RoundUp(w.size(3), 4) : w.size(3);
  p.padded_outputs = RoundUp(p.map.matrix().outputs, 16);
  ReadVariances read;
  const bool on_chip = writing.chip != nullptr && ChangesCells(*writing.chip);
  // Else only differences are converted, which are the codes.
  if (writing.before != nullptr && (on_chip || !p.slicing.whole())) {
    p.minus = MinusArms(p.codes, *writing.before, writing.range, spec);
  }
  if (on_chip) {
    read = ReadChip(*writing.chip, writing.frozen, &p);
  } else {
    p.lossless = IsLossless(p.map, spec, p.slicing);
    if (p.lossless && writing.shortcut == Shortcut::kWhereExact) {
      p.slicing = WholeSlicing(spec);
    }
  }
  if (writing.attenuation.defined()) Attenuate(writing.attenuation, &p);
  const Width width = WidthFor(writing, &p);
  RowLayout rows = LayOutRows(p.map, p.integer ? p.channels / 4 : 0, width);
  p.pieces = std::move(rows.pieces);
  p.row_tiles = std::move(rows.row_tiles);
  if (p.integer) {
    IntegerPacker(std::move(rows.places), width, &p).PackAll();
  } else {
    PackFloats(rows.places, &p);
  }
  if (read.constant.defined()) p.noise = PackNoise(read, p);
  return p;
}

}  // namespace ohm::hw
