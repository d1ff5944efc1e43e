// Processing elements (PEs): the pieces of a layer's arrays that are rewritten
// as one. A PE is so many rows of one array by so many of its logical columns,
// with all their slices and both arms; by all of them it is the whole array (or
// the two arrays of its pairs).
#pragma once

#include <cstdint>
#include <vector>

#include "hw/geometry.h"

namespace ohm::nn {

struct Pe {
  int64_t row_tile;
  int64_t first_row, rows;        // of the row tile
  int64_t first_output, outputs;  // over all groups
  int64_t weights;                // that it holds; padding is never written
};

class PeGrid {
 public:
  // `rows` and `columns` (logical ones) to a PE; 0, or more than an array has:
  // all.
  PeGrid(const hw::TileMap& map, int64_t rows, int64_t columns);

  const std::vector<Pe>& pes() const { return pes_; }
  int64_t weights() const;  // of all PEs

  // Calls visit(i) with the place in memory of each of the PE's weights,
  // output by output.
  template <typename V>
  void VisitWeights(const Pe& pe, V&& visit) const {
    const auto rows =
        map_.RowsOf(pe.row_tile).subspan(size_t(pe.first_row), size_t(pe.rows));
    const int64_t fan_in = map_.matrix().fan_in;
    for (int64_t o = 0; o < pe.outputs; ++o) {
      for (const int32_t row : rows) {
        visit((pe.first_output + o) * fan_in + row);
      }
    }
  }

 private:
  hw::TileMap map_;
  std::vector<Pe> pes_;
};

}  // namespace ohm::nn
