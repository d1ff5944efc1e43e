// The wires of a crossbar array and the network they make with its cells.
//
//   input i --source-- top(i,0) --row-- top(i,1) --row-- ... top(i,N-1)
//                         |                |                    |
//                       cell             cell                 cell
//                         |                |                    |
//                      bot(i,0)         bot(i,1)            bot(i,N-1)
//
//   bot(i,j) --column-- bot(i+1,j) ... bot(M-1,j) --load-- virtual ground
//
// Word line i is driven beside column 0; bit line j is sensed below row M-1;
// the other ends float. The current of output j is what its load carries.
// Linear cells make a linear network: its currents are V * Geff for one
// effective conductance matrix (hw/wires/effective.h).
// Source of the topology: PytorX IR_solver.py (DAC 2019). Other tools draw one
// more segment at each driven end: there r_source and r_load are larger by one.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/field_doc.h"

namespace ohm::hw {

// Ohm; 0 is an ideal conductor. All 0: currents are those of the cells alone,
// bit for bit.
struct Wires {
  double r_row = 0;     // a segment of a word line
  double r_column = 0;  // a segment of a bit line
  double r_source = 0;  // between an input and the first node of its word line
  double r_load = 0;    // between the last node of a bit line and ground

  bool operator==(const Wires&) const = default;

  bool ideal() const {
    return r_row == 0 && r_column == 0 && r_source == 0 && r_load == 0;
  }

  // Calls visit(key, field, FieldDoc) for each field.
  template <typename Visitor>
  void Visit(Visitor&& visit);
};

// Cells of one array: word line i and bit line j meet in
// siemens[i * columns + j].
struct CellMatrix {
  int64_t rows = 0, columns = 0;
  std::vector<double> siemens;
};

// Error unless there is at least one row and one column, `siemens` has
// rows * columns entries, and all are finite and at least 0.
void CheckArray(const CellMatrix& array);
// Error unless every resistance is finite and at least 0.
void CheckWires(const Wires& wires);

template <typename Visitor>
void Wires::Visit(Visitor&& visit) {
  constexpr double kMost = 1e6;
  visit("r_row", r_row,
        FieldDoc{.unit = "ohm",
                 .min = 0,
                 .max = kMost,
                 .doc = "Resistance of a word line between neighbouring cells; "
                        "0: ideal. PytorX's values are 2.67 and 28."});
  visit("r_column", r_column,
        FieldDoc{.unit = "ohm",
                 .min = 0,
                 .max = kMost,
                 .doc = "Resistance of a bit line between neighbouring cells; "
                        "0: ideal. PytorX's values are 2.67 and 28."});
  visit("r_source", r_source,
        FieldDoc{.unit = "ohm",
                 .min = 0,
                 .max = kMost,
                 .doc = "Resistance between an input and the first cell of its "
                        "word line; 0: ideal. PytorX's value is 4."});
  visit("r_load", r_load,
        FieldDoc{.unit = "ohm",
                 .min = 0,
                 .max = kMost,
                 .doc = "Resistance between the last cell of a bit line and "
                        "the virtual ground of its output; 0: ideal. PytorX's "
                        "value is 4."});
}

}  // namespace ohm::hw
