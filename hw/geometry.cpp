#include "hw/geometry.h"

#include <algorithm>

#include "core/base/check.h"

namespace ohm::hw {

MatrixShape MatrixOf(const Shape& weights, int64_t groups) {
  OHM_CHECK((weights.rank() == 2 || weights.rank() == 4) && groups >= 1 &&
                weights[0] % groups == 0 && weights.count() > 0,
            "[mapping] expected weights [out, kh, kw, in] or [out, in] with "
            "out divisible by " +
                std::to_string(groups) + " groups, got " + weights.str());
  return {groups, weights.count() / weights[0], weights[0] / groups};
}

TileMap::TileMap(const MatrixShape& matrix, int rows, int columns)
    : matrix_(matrix),
      rows_(rows),
      columns_(columns),
      row_tiles_((matrix.fan_in + rows - 1) / rows),
      column_tiles_((matrix.outputs + columns - 1) / columns) {}

int64_t TileMap::rows_in(int64_t row_tile) const {
  OHM_ASSERT(row_tile >= 0 && row_tile < row_tiles_);
  return std::min(rows_, matrix_.fan_in - row_tile * rows_);
}

int64_t TileMap::TileOf(int64_t row_tile, int64_t output) const {
  const int64_t group = output / matrix_.outputs;
  const int64_t column_tile = output % matrix_.outputs / columns_;
  return (group * row_tiles_ + row_tile) * column_tiles_ + column_tile;
}

CellPlace TileMap::Locate(int64_t output, int64_t fan_in_index) const {
  OHM_CHECK(output >= 0 && output < outputs() && fan_in_index >= 0 &&
                fan_in_index < matrix_.fan_in,
            "[mapping] expected an output below " + std::to_string(outputs()) +
                " and a fan-in index below " + std::to_string(matrix_.fan_in) +
                ", got " + std::to_string(output) + " and " +
                std::to_string(fan_in_index));
  return {TileOf(fan_in_index / rows_, output), fan_in_index % rows_,
          output % matrix_.outputs % columns_};
}

MappingReport Report(const TileMap& map, const CrossbarSpec& spec) {
  const MatrixShape& m = map.matrix();
  MappingReport report;
  report.fan_in = m.fan_in;
  report.outputs = map.outputs();
  report.row_tiles = map.row_tiles();
  report.arrays = 2 * map.tiles();
  report.logical_columns = map.MaskEntries().count();
  report.cells = report.arrays * spec.rows * spec.columns;
  report.used_cells = 2 * m.groups * m.fan_in * m.outputs;
  return report;
}

}  // namespace ohm::hw
