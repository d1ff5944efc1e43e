#include "hw/correction.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "hw/crossbar.h"
#include "hw/kernels/tile.h"

namespace ohm::hw {
namespace {

struct Size {
  Width width = Width::kByte;
  int parts = 1;
};

// Whole codes stay whole, in a byte with remainders unless two digits cost
// less; others are kept in the finest parts that fit.
Size SizeFor(const Tensor& codes, const TileMap& map, int largest_input) {
  double most = 0;
  bool whole = true;
  for (const float c : codes.span()) {
    most = std::max(most, std::fabs(double(c)));
    whole &= c == std::nearbyint(c);
  }
  const bool digits = CurrentTileKernels().digits_share_codes;
  if (whole && most <= (digits ? 127 : 254)) return {Width::kByte, 1};
  const int parts = PartsFor(codes, map, largest_input);
  return {Width::kWide, whole ? 1 : parts};
}

// As many quads of a window of inputs lie one after the other: a row of kernel
// positions, if these are neighbours.
int64_t RunOfQuads(const Programmed& layer) {
  const bool neighbours = layer.conv.groups == 1 && layer.conv.dil_w == 1;
  return layer.channels / 4 * (neighbours ? layer.weight_shape[2] : 1);
}

class CorrectionPacker {
 public:
  CorrectionPacker(const Tensor& codes, const TileMap& map,
                   const Programmed& layer)
      : codes_(codes),
        map_(map),
        layer_(layer),
        fan_in_(map.matrix().fan_in),
        size_(layer.integer
                  ? SizeFor(codes, map, layer.slicing.LargestInputDigit())
                  : Size{}),
        rows_(LayOutRows(map, layer.integer ? layer.channels / 4 : 0,
                         size_.width)),
        remainders_(RunOfQuads(layer), map.matrix().groups * map.row_tiles(),
                    layer.padded_outputs) {}

  PackedCodes Run() {
    const int64_t groups = map_.matrix().groups;
    const auto pieces = int64_t(rows_.pieces.size());
    PackedCodes p;
    p.parts = size_.parts;
    p.entries =
        std::ranges::count_if(codes_.span(), [](float c) { return c != 0; });
    if (layer_.integer) {
      p.packed = Tensor::Zeros({groups, pieces, layer_.padded_outputs * 4},
                               DType::kS8);
    } else {
      p.codes = Tensor::Zeros({groups, pieces, layer_.padded_outputs});
    }
    p.sums.assign(size_t(groups * map_.row_tiles() * layer_.padded_outputs), 0);
    for (int64_t o = 0; o < map_.outputs(); ++o) PackOutput(o, &p);
    p.remainders = std::move(remainders_).Pack();
    p.pieces = std::move(rows_.pieces);
    p.row_tiles = std::move(rows_.row_tiles);
    return p;
  }

 private:
  void PackOutput(int64_t output, PackedCodes* p) {
    const int64_t outputs = map_.matrix().outputs;
    const auto pieces = int64_t(rows_.pieces.size());
    const float* codes = codes_.data() + output * fan_in_;
    const RowPlace* row = rows_.places.data();
    for (int64_t t = 0; t < map_.row_tiles(); ++t) {
      const int64_t tile = output / outputs * map_.row_tiles() + t;
      const int64_t column = output % outputs;
      const int64_t first_piece = rows_.row_tiles[size_t(t)].first;
      const Column at{tile, column, rows_.pieces.data() + first_piece};
      const int64_t first =
          (output / outputs * pieces + first_piece) * layer_.padded_outputs +
          column;
      for (size_t r = 0; r < map_.RowsOf(t).size(); ++r, ++row) {
        const float code = codes[row->fan_in];
        if (layer_.integer) {
          const int value =
              PackOne(at, code, *row, p->packed.data<int8_t>() + first * 4);
          p->sums[size_t(tile * layer_.padded_outputs + column)] += value;
        } else {
          p->codes.data()[first + row->piece * layer_.padded_outputs] = code;
        }
      }
    }
  }

  struct Column {
    int64_t tile, column;   // of a group's row tile
    const int32_t* pieces;  // of the row tile
  };

  int PackOne(const Column& at, float code, const RowPlace& row, int8_t* to) {
    const int64_t stride = layer_.padded_outputs * 4;
    const auto value = static_cast<int>(std::lrint(double(code) * size_.parts));
    int held = value;
    if (size_.width == Width::kByte) {
      held = std::clamp(value, -127, 127);
      if (held != value) {
        remainders_.Add(at.tile, at.column, at.pieces[row.piece], row.lane,
                        static_cast<int8_t>(value - held));
      }
    }
    const SplitBytes bytes = Split(held, size_.width);
    to[row.piece * stride + row.lane] = bytes.first;
    if (row.second >= 0) to[row.second * stride + row.lane] = bytes.second;
    return value;
  }

  const Tensor& codes_;
  const TileMap& map_;
  const Programmed& layer_;
  int64_t fan_in_;
  Size size_;
  RowLayout rows_;
  RemainderPacker remainders_;
};

}  // namespace

PackedCodes PackCorrection(const Tensor& codes, const TileMap& map,
                           const Programmed& layer) {
  return CorrectionPacker(codes, map, layer).Run();
}

}  // namespace ohm::hw
