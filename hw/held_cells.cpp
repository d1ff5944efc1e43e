#include "hw/held_cells.h"

#include <string>

#include "core/base/check.h"
#include "core/base/number_text.h"

namespace ohm::hw {

HeldCells::HeldCells(const CellDigits& cells) : arrays_(ArraysOf(cells)) {}

std::vector<HeldCells::Array> HeldCells::ArraysOf(const CellDigits& cells) {
  std::vector<Array> arrays;
  for (int64_t tile = 0; tile < cells.map().tiles(); ++tile) {
    const TileContent content = cells.map().ContentOf(tile);
    const auto flipped = cells.FlippedColumns(content);
    for (int64_t arm = 0; arm < cells.arms(); ++arm) {
      arrays.push_back(
          {int64_t(flipped.size()), cells.OfArm(content, flipped, arm)});
    }
  }
  return arrays;
}

void HeldCells::Write(const ChangedCell& cell) {
  const auto place = [&] {
    return "array " + std::to_string(cell.array) + ", row " +
           std::to_string(cell.row) + ", column " + std::to_string(cell.column);
  };
  OHM_CHECK(cell.array >= 0 && cell.array < int64_t(arrays_.size()),
            "[crossbar] expected one of " + std::to_string(arrays_.size()) +
                " arrays to write, got " + place());
  Array& array = arrays_[size_t(cell.array)];
  const int64_t at = cell.row * array.columns + cell.column;
  OHM_CHECK(cell.row >= 0 && cell.column >= 0 && cell.column < array.columns &&
                at < int64_t(array.digits.size()),
            "[crossbar] expected a cell of the array to write, got " + place());
  double& digit = array.digits[size_t(at)];
  OHM_CHECK(digit == cell.before,
            "[crossbar] " + place() + ": expected level " +
                NumberText(cell.before) + " to be written over, got " +
                NumberText(digit));
  digit = cell.after;
}

bool HeldCells::Holds(const CellDigits& cells) const {
  return arrays_ == ArraysOf(cells);
}

}  // namespace ohm::hw
