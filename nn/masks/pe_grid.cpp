#include "nn/masks/pe_grid.h"

#include <algorithm>

namespace ohm::nn {

PeGrid::PeGrid(const hw::TileMap& map, int64_t rows, int64_t columns)
    : map_(map) {
  for (int64_t tile = 0; tile < map.tiles(); ++tile) {
    const hw::TileContent content = map.ContentOf(tile);
    const auto all_rows = int64_t(map.RowsOf(content.row_tile).size());
    const int64_t each_row = rows == 0 ? all_rows : rows;
    const int64_t each = columns == 0 ? content.outputs : columns;
    for (int64_t o = 0; o < content.outputs; o += each) {
      const int64_t outputs = std::min(each, content.outputs - o);
      for (int64_t r = 0; r < all_rows; r += each_row) {
        const int64_t of_pe = std::min(each_row, all_rows - r);
        pes_.push_back({content.row_tile, r, of_pe, content.first_output + o,
                        outputs, of_pe * outputs});
      }
    }
  }
}

int64_t PeGrid::weights() const {
  int64_t sum = 0;
  for (const Pe& pe : pes_) sum += pe.weights;
  return sum;
}

}  // namespace ohm::nn
