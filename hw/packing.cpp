#include "hw/packing.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/base/check.h"

namespace ohm::hw {
namespace {

// One row tile after the other.
class Layouter {
 public:
  Layouter(const TileMap& map, int64_t quads, Width width)
      : map_(map),
        quads_(static_cast<int32_t>(quads)),
        width_(width),
        seen_(size_t(std::max(map.matrix().fan_in,
                              map.matrix().positions * quads)),
              -1) {
    layout_.places.reserve(size_t(map.matrix().fan_in));
  }

  RowLayout Run() && {
    for (int64_t t = 0; t < map_.row_tiles(); ++t) AddRowTile(t);
    return std::move(layout_);
  }

 private:
  RowPlace PlaceOf(int32_t k) const {
    if (quads_ == 0) return {k, -1, 0, k};
    const auto channels = static_cast<int32_t>(map_.matrix().channels());
    const int32_t channel = k % channels;
    return {k / channels * quads_ + channel / 4, -1, channel % 4, k};
  }

  void AddRowTile(int64_t row_tile) {
    const size_t first_row = layout_.places.size();
    const auto first = static_cast<int32_t>(layout_.pieces.size());
    for (const int32_t k : map_.RowsOf(row_tile)) {
      RowPlace place = PlaceOf(k);
      int32_t& at = seen_[size_t(place.piece)];  // in `pieces`
      if (at < first) {
        at = static_cast<int32_t>(layout_.pieces.size());
        layout_.pieces.push_back(place.piece);
      }
      place.piece = at - first;
      layout_.places.push_back(place);
    }
    const int64_t once = int64_t(layout_.pieces.size()) - first;
    AddSeconds(first_row, first, static_cast<int32_t>(once));
    const int64_t count = int64_t(layout_.pieces.size()) - first;
    layout_.row_tiles.push_back({first, count,
                                 width_ == Width::kWide ? once : 0, words_,
                                 (once + 7) / 8});
    words_ += (once + 7) / 8;
  }

  void AddSeconds(size_t first_row, int32_t first, int32_t once) {
    if (width_ == Width::kByte) return;
    for (int32_t i = 0; i < once; ++i) {
      layout_.pieces.push_back(layout_.pieces[size_t(first + i)]);
    }
    for (size_t r = first_row; r < layout_.places.size(); ++r) {
      layout_.places[r].second = layout_.places[r].piece + once;
    }
  }

  const TileMap& map_;
  int32_t quads_;
  Width width_;
  std::vector<int32_t> seen_;
  RowLayout layout_;
  int64_t words_ = 0;
};

}  // namespace

int PartsFor(const Tensor& numbers, const TileMap& map, int largest_input) {
  constexpr double kMostSum = 2147483647.0;
  // Numbers are rounded to parts, so each may hold half a part more.
  double most = 0, most_sum = 0, rows = 0;
  const int64_t fan_in = map.matrix().fan_in;
  for (int64_t column = 0; column < numbers.count() / fan_in; ++column) {
    const float* of_column = numbers.data() + column * fan_in;
    for (int64_t t = 0; t < map.row_tiles(); ++t) {
      double sum = 0;
      for (const int32_t k : map.RowsOf(t)) {
        const double size = std::fabs(double(of_column[k]));
        most = std::max(most, size);
        sum += size;
      }
      most_sum = std::max(most_sum, sum);
      rows = std::max(rows, double(map.RowsOf(t).size()));
    }
  }
  int parts = 256;
  const auto fits = [&] {
    return most * parts + 0.5 <= kMostWide &&
           (most_sum * parts + 0.5 * rows) * largest_input <= kMostSum;
  };
  while (parts > 1 && !fits()) parts /= 2;
  OHM_CHECK(fits(), "[crossbar] cells or corrections of up to " +
                        std::to_string(most) +
                        " codes on this many rows are more than the kernels "
                        "can add");
  return parts;
}

RowLayout LayOutRows(const TileMap& map, int64_t quads, Width width) {
  return Layouter(map, quads, width).Run();
}

}  // namespace ohm::hw
