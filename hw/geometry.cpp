#include "hw/geometry.h"

#include <algorithm>

#include "core/base/check.h"
#include "hw/slicing.h"

namespace ohm::hw {
namespace {

// Fan-in indices in the order of the rows. Kernel positions of a channel lie
// `channels` apart in memory.
std::vector<int32_t> RowOrderOf(const MatrixShape& m, RowOrder order) {
  std::vector<int32_t> rows(static_cast<size_t>(m.fan_in));
  for (int64_t i = 0; i < m.fan_in; ++i) {
    const int64_t k = order == RowOrder::kKhKwC
                          ? i
                          : i % m.positions * m.channels() + i / m.positions;
    rows[size_t(i)] = static_cast<int32_t>(k);
  }
  return rows;
}

// Rows of the row tile that begins at `first`: as many as fit, whole runs only
// where packing is aligned and a run fits at all.
int64_t TileRows(const MatrixShape& m, const CrossbarSpec& spec,
                 int64_t first) {
  const int64_t left = m.fan_in - first, rows = spec.rows;
  if (spec.packing == Packing::kDense) return std::min(rows, left);
  const int64_t run =
      spec.row_order == RowOrder::kKhKwC ? m.channels() : m.positions;
  const int64_t of_run = run - first % run;  // what is left of a long one
  if (run > rows) return std::min(rows, of_run);
  return std::min(rows / run * run, left);
}

}  // namespace

MatrixShape MatrixOf(const Shape& weights, int64_t groups) {
  OHM_CHECK((weights.rank() == 2 || weights.rank() == 4) && groups >= 1 &&
                weights[0] % groups == 0 && weights.count() > 0,
            "[mapping] expected weights [out, kh, kw, in] or [out, in] with "
            "out divisible by " +
                std::to_string(groups) + " groups, got " + weights.str());
  return {groups, weights.count() / weights[0], weights[0] / groups,
          weights.rank() == 4 ? weights[1] * weights[2] : 1};
}

TileMap::TileMap(const MatrixShape& matrix, const CrossbarSpec& spec)
    : matrix_(matrix) {
  CheckSpec(spec);
  slices_ = SlicingOf(spec).cell_slices();
  outputs_per_tile_ = spec.columns / slices_;
  column_tiles_ = (matrix.outputs + outputs_per_tile_ - 1) / outputs_per_tile_;
  rows_ = RowOrderOf(matrix, spec.row_order);
  while (starts_.back() < matrix.fan_in) {
    starts_.push_back(starts_.back() + TileRows(matrix, spec, starts_.back()));
  }
}

TileMap TileMap::InOneTile() const {
  TileMap one = *this;
  one.rows_ = RowOrderOf(matrix_, RowOrder::kKhKwC);
  one.starts_ = {0, matrix_.fan_in};
  return one;
}

std::span<const int32_t> TileMap::RowsOf(int64_t row_tile) const {
  OHM_ASSERT(row_tile >= 0 && row_tile < row_tiles());
  const auto t = static_cast<size_t>(row_tile);
  return {rows_.data() + starts_[t], rows_.data() + starts_[t + 1]};
}

int64_t TileMap::TileOf(int64_t row_tile, int64_t output) const {
  const int64_t group = output / matrix_.outputs;
  const int64_t column_tile = output % matrix_.outputs / outputs_per_tile_;
  return (group * row_tiles() + row_tile) * column_tiles_ + column_tile;
}

TileContent TileMap::ContentOf(int64_t tile) const {
  OHM_ASSERT(tile >= 0 && tile < tiles());
  const int64_t first = tile % column_tiles_ * outputs_per_tile_;
  const int64_t group = tile / column_tiles_ / row_tiles();
  return {tile / column_tiles_ % row_tiles(), group * matrix_.outputs + first,
          std::min(outputs_per_tile_, matrix_.outputs - first)};
}

CellPlace TileMap::Locate(int64_t output, int64_t fan_in_index) const {
  OHM_CHECK(output >= 0 && output < outputs() && fan_in_index >= 0 &&
                fan_in_index < matrix_.fan_in,
            "[mapping] expected an output below " + std::to_string(outputs()) +
                " and a fan-in index below " + std::to_string(matrix_.fan_in) +
                ", got " + std::to_string(output) + " and " +
                std::to_string(fan_in_index));
  const int64_t row =
      std::ranges::find(rows_, static_cast<int32_t>(fan_in_index)) -
      rows_.begin();
  const int64_t tile =
      std::ranges::upper_bound(starts_, row) - starts_.begin() - 1;
  return {TileOf(tile, output), row - starts_[size_t(tile)],
          output % matrix_.outputs % outputs_per_tile_ * slices_};
}

MappingReport Report(const TileMap& map, const CrossbarSpec& spec) {
  const MatrixShape& m = map.matrix();
  const int64_t arms = spec.encoding == Encoding::kDifferential ? 2 : 1;
  const int64_t slices = SlicingOf(spec).cell_slices();
  MappingReport report;
  report.fan_in = m.fan_in;
  report.outputs = map.outputs();
  report.row_tiles = map.row_tiles();
  report.arrays = arms * map.tiles();
  report.pes = (report.arrays + spec.pe_arrays - 1) / spec.pe_arrays;
  report.logical_columns = map.MaskEntries().count();
  report.cells = report.arrays * spec.rows * spec.columns;
  report.used_cells = arms * slices * m.groups * m.fan_in * m.outputs;
  return report;
}

}  // namespace ohm::hw
