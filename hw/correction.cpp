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

// Whole codes stay whole; others are kept in the finest parts that fit.
Size SizeFor(const Tensor& codes, const TileMap& map, int largest_input) {
  double most = 0;
  bool whole = true;
  for (const float c : codes.span()) {
    most = std::max(most, std::fabs(double(c)));
    whole &= c == std::nearbyint(c);
  }
  if (whole && most <= 127) return {Width::kByte, 1};
  if (whole && most <= 254 && !CurrentTileKernels().digits_share_codes) {
    return {Width::kSpill, 1};
  }
  const int parts = PartsFor(codes, map, largest_input);
  return {Width::kWide, whole ? 1 : parts};
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
                         size_.width, [&](int32_t k) { return Spills(k); })) {}

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
    p.pieces = std::move(rows_.pieces);
    p.row_tiles = std::move(rows_.row_tiles);
    return p;
  }

 private:
  bool Spills(int32_t k) const {
    for (int64_t o = 0; o < map_.outputs(); ++o) {
      if (std::fabs(codes_.data()[o * fan_in_ + k]) > 127) return true;
    }
    return false;
  }

  void PackOutput(int64_t output, PackedCodes* p) const {
    const int64_t outputs = map_.matrix().outputs;
    const auto pieces = int64_t(rows_.pieces.size());
    const float* codes = codes_.data() + output * fan_in_;
    const RowPlace* row = rows_.places.data();
    for (int64_t t = 0; t < map_.row_tiles(); ++t) {
      const int64_t first =
          (output / outputs * pieces + rows_.row_tiles[size_t(t)].first) *
              layer_.padded_outputs +
          output % outputs;
      for (size_t r = 0; r < map_.RowsOf(t).size(); ++r, ++row) {
        const float code = codes[row->fan_in];
        if (layer_.integer) {
          p->sums[size_t((output / outputs * map_.row_tiles() + t) *
                             layer_.padded_outputs +
                         output % outputs)] +=
              PackOne(code, *row, p->packed.data<int8_t>() + first * 4);
        } else {
          p->codes.data()[first + row->piece * layer_.padded_outputs] = code;
        }
      }
    }
  }

  int PackOne(float code, const RowPlace& row, int8_t* to) const {
    const int64_t stride = layer_.padded_outputs * 4;
    const auto value = static_cast<int>(std::lrint(double(code) * size_.parts));
    const SplitBytes bytes = Split(value, size_.width);
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
};

}  // namespace

PackedCodes PackCorrection(const Tensor& codes, const TileMap& map,
                           const Programmed& layer) {
  return CorrectionPacker(codes, map, layer).Run();
}

}  // namespace ohm::hw
