// What the arrays of a layer hold, written cell by cell: the twin of an array
// that programming lists are checked on.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/cell_digits.h"

namespace ohm::hw {

// Digits of each array (counted as for ChangedCell), row by row. Codes say what
// cells should hold; this is what they do hold once lists were written.
class HeldCells {
 public:
  // Written whole.
  explicit HeldCells(const CellDigits& cells);

  // Error where there is no such cell, or it does not hold `cell.before`.
  void Write(const ChangedCell& cell);
  // Whether every cell of every array holds the digit that `cells` asks for.
  bool Holds(const CellDigits& cells) const;

 private:
  struct Array {
    int64_t columns = 0;
    std::vector<double> digits;

    bool operator==(const Array&) const = default;
  };
  static std::vector<Array> ArraysOf(const CellDigits& cells);

  std::vector<Array> arrays_;
};

}  // namespace ohm::hw
