// Where a layer's weights lie. A layer is, per group, a matrix of fan-in rows
// and one logical column per output. Rows come in the order that
// CrossbarSpec::row_order names and are cut into row tiles as its packing says;
// outputs are cut into column tiles. A tile is one array, or the two arrays of
// its differential pairs. All slices of a logical column lie in one array, side
// by side. Padding of partial tiles holds nothing and is never written.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/kernels/conv_spec.h"
#include "core/tensor/shape.h"
#include "hw/spec.h"

namespace ohm::hw {

struct MatrixShape {
  int64_t groups = 1;
  int64_t fan_in = 0;     // per output
  int64_t outputs = 0;    // per group
  int64_t positions = 1;  // kh * kw; divides the fan-in

  int64_t channels() const { return fan_in / positions; }  // per group
};

// Of weights [out, kh, kw, in / groups] or [out, in].
MatrixShape MatrixOf(const Shape& weights, int64_t groups);

// Position of one weight.
struct CellPlace {
  int64_t tile;         // index among the layer's tiles
  int64_t row, column;  // inside the tile; the column of its lowest slice
};

// The logical columns of one tile.
struct TileContent {
  int64_t row_tile;
  int64_t first_output, outputs;  // outputs count over all groups
};

// Fan-in indices count as weights [out, kh, kw, in] lie in memory, whatever
// the order of the rows.
class TileMap {
 public:
  TileMap() = default;
  // Error where the spec contradicts itself.
  TileMap(const MatrixShape& matrix, const CrossbarSpec& spec);

  const MatrixShape& matrix() const { return matrix_; }
  int64_t row_tiles() const { return int64_t(starts_.size()) - 1; }
  int64_t column_tiles() const { return column_tiles_; }  // per group
  int64_t tiles() const { return matrix_.groups * row_tiles() * column_tiles_; }
  int64_t outputs() const { return matrix_.groups * matrix_.outputs; }
  // Logical columns of an array.
  int64_t outputs_per_tile() const { return outputs_per_tile_; }

  // Fan-in indices on the rows of a row tile, in the order of the rows.
  std::span<const int32_t> RowsOf(int64_t row_tile) const;
  // How many rows the row tiles before it have.
  int64_t FirstRow(int64_t row_tile) const { return starts_[size_t(row_tile)]; }

  // The tile that holds (row tile, output), output counted over all groups.
  int64_t TileOf(int64_t row_tile, int64_t output) const;
  // What tile number `tile` holds.
  TileContent ContentOf(int64_t tile) const;
  // Where w[output, fan_in_index] lies. Costs a search.
  CellPlace Locate(int64_t output, int64_t fan_in_index) const;

  // The same matrix with all rows in one row tile, as weights lie in memory.
  TileMap InOneTile() const;

  // One entry per logical column: [row_tiles, outputs].
  Shape MaskEntries() const { return {row_tiles(), outputs()}; }

 private:
  MatrixShape matrix_;
  int64_t slices_ = 1, outputs_per_tile_ = 1, column_tiles_ = 0;
  std::vector<int32_t> rows_;          // of all row tiles, one after the other
  std::vector<int64_t> starts_ = {0};  // of each row tile in rows_, and the end
};

// What a mapping takes.
struct MappingReport {
  int64_t fan_in = 0, outputs = 0;
  int64_t row_tiles = 0;
  int64_t arrays = 0;           // two per tile with differential pairs
  int64_t pes = 0;              // of spec.pe_arrays arrays each
  int64_t logical_columns = 0;  // mask entries
  int64_t cells = 0;            // in all arrays
  int64_t used_cells = 0;       // slices and arms of all weights
};
MappingReport Report(const TileMap& map, const CrossbarSpec& spec);

}  // namespace ohm::hw
