// The digits that a tile's cells are to hold, cell by cell.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/tensor/tensor.h"
#include "hw/geometry.h"
#include "hw/slicing.h"
#include "hw/spec.h"

namespace ohm::hw {

// Of codes f32 [out, fan-in] as programmed: whole numbers up to h; or, with
// ideal weights, the weights themselves, which one cell holds.
class CellDigits {
 public:
  // `minus`: codes that the minus arms of pairs hold (hw/rewrite.h), like
  // `codes`; undefined: max(-code, 0).
  CellDigits(const Tensor& codes, const TileMap& map, const CrossbarSpec& spec,
             const Tensor& minus = {});

  int64_t arms() const { return arms_; }      // arrays of a tile
  int64_t slices() const { return slices_; }  // columns that a weight takes
  const Slicing& slicing() const { return slicing_; }
  const TileMap& map() const { return map_; }
  const Tensor& codes() const { return codes_; }

  // Of each column of the tile (output by output, slice by slice), whether it
  // stores complements (column_flip).
  std::vector<uint8_t> FlippedColumns(const TileContent& content) const;
  // All of one arm: [rows, columns], rows in the order of the row tile, columns
  // as above.
  std::vector<double> OfArm(const TileContent& content,
                            const std::vector<uint8_t>& flipped,
                            int64_t arm) const;
  // Whether the weight at `at`, of codes, lies in its pair or cell as it does
  // in `other`, but for complements.
  bool HoldsSame(const CellDigits& other, int64_t at) const;

 private:
  // What the minus arm of a pair holds.
  double Minus(int64_t at) const;
  // Place of a column's first code.
  int64_t FirstOf(const TileContent& content, int64_t column) const;
  double Digit(int64_t at, size_t slice, bool flipped, int64_t arm) const;

  Tensor codes_, minus_;
  TileMap map_;
  Slicing slicing_;
  bool ideal_, flips_;
  int64_t arms_, slices_;
};

// A cell whose digit differs. Arrays count over the layer, tile by tile and arm
// by arm.
struct ChangedCell {
  int64_t array, row, column;
  double before, after;
};
// Calls visit(cell) for each, array by array and row by row. Error where the
// cells are not of one kind and map.
void VisitChanged(const CellDigits& from, const CellDigits& to,
                  const std::function<void(const ChangedCell&)>& visit);

// What is written when one set of codes replaces another.
struct WriteCost {
  int64_t cells = 0;    // whose digit differs
  int64_t rows = 0;     // of arrays, with at least one such cell
  int64_t arrays = 0;   // with at least one such cell
  int64_t weights = 0;  // whose cells hold another code, or the same otherwise

  WriteCost& operator+=(const WriteCost& other);
  bool operator==(const WriteCost&) const = default;
};
WriteCost CostOfWriting(const CellDigits& from, const CellDigits& to);

}  // namespace ohm::hw
