// Where a layer's weights lie. A layer is, per group, a matrix of fan-in rows
// (order kh, kw, c, as weights [out, kh, kw, in] lie in memory) and one column
// per output. It is cut into tiles of at most `rows` x `columns`; a tile takes
// two arrays, one for each arm of the differential pairs. Padding of partial
// tiles holds nothing and is never written.
#pragma once

#include <cstdint>

#include "core/kernels/conv_spec.h"
#include "core/tensor/shape.h"
#include "hw/spec.h"

namespace ohm::hw {

struct MatrixShape {
  int64_t groups = 1;
  int64_t fan_in = 0;   // per output
  int64_t outputs = 0;  // per group
};

// Of weights [out, kh, kw, in / groups] or [out, in].
MatrixShape MatrixOf(const Shape& weights, int64_t groups);

// Position of one weight.
struct CellPlace {
  int64_t tile;         // index among the layer's tiles
  int64_t row, column;  // inside the tile
};

class TileMap {
 public:
  TileMap() = default;
  TileMap(const MatrixShape& matrix, int rows, int columns);

  const MatrixShape& matrix() const { return matrix_; }
  int64_t row_tiles() const { return row_tiles_; }        // per group
  int64_t column_tiles() const { return column_tiles_; }  // per group
  int64_t tiles() const { return matrix_.groups * row_tiles_ * column_tiles_; }
  int64_t outputs() const { return matrix_.groups * matrix_.outputs; }

  // Rows of row tile t in use.
  int64_t rows_in(int64_t row_tile) const;
  int64_t first_row(int64_t row_tile) const { return row_tile * rows_; }

  // The tile that holds (row tile, output), output counted over all groups.
  int64_t TileOf(int64_t row_tile, int64_t output) const;
  // Where w[output, fan_in_index] lies.
  CellPlace Locate(int64_t output, int64_t fan_in_index) const;

  // One entry per logical column: [row_tiles, outputs].
  Shape MaskEntries() const { return {row_tiles_, outputs()}; }

 private:
  MatrixShape matrix_;
  int64_t rows_ = 1, columns_ = 1, row_tiles_ = 0, column_tiles_ = 0;
};

// What a mapping takes.
struct MappingReport {
  int64_t fan_in = 0, outputs = 0;
  int64_t row_tiles = 0;
  int64_t arrays = 0;           // two per tile
  int64_t logical_columns = 0;  // mask entries
  int64_t cells = 0;            // in all arrays
  int64_t used_cells = 0;       // two per weight
};
MappingReport Report(const TileMap& map, const CrossbarSpec& spec);

}  // namespace ohm::hw
