// The block elimination behind hw/wires/effective.h, where the equations are:
// every word line is a block of as many unknowns as it has columns. Right for
// any shape; cheapest with at most as many columns as rows.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/wires/dense.h"
#include "hw/wires/ladder.h"
#include "hw/wires/wires.h"

namespace ohm::hw {

// A row-major matrix with a right-hand side in each column.
struct Fields {
  AlignedDoubles values;
  int64_t stride = 0;  // a multiple of kLane

  Fields() = default;
  // 0 everywhere; at least `columns` wide.
  Fields(int64_t rows, int64_t columns)
      : values(rows * RoundUpToLane(columns)), stride(RoundUpToLane(columns)) {}

  double* row(int64_t i) { return values.data() + i * stride; }
  const double* row(int64_t i) const { return values.data() + i * stride; }
};

// What the elimination leaves behind. Matrices have `side` rows: the columns
// of the array and padding that conducts nothing.
struct WireFactors {
  int64_t rows = 0, columns = 0;
  int64_t side = 0;  // columns, rounded up to kLane
  Wires wires;
  AlignedDoubles g;  // [rows, side]

  // The word lines as ladders side by side: entries [columns, rows].
  LadderShape ladder;
  std::vector<double> pass, self, rest;
  std::vector<double> voltage;  // of the nodes, for 1 V at the driver

  // W_i of every row but the last; none where r_column is 0 (W_i = 1), only
  // the last one unless they were to be kept.
  std::vector<AlignedDoubles> inner;
  // (1 + r_load Y)^-1 of the last row; empty where r_load is 0.
  AlignedDoubles load;
  // J_i [side, i + 1] of every row; only the last one if r_column is 0 or they
  // were not to be kept.
  std::vector<Fields> currents;

  int64_t At(int64_t row, int64_t column) const { return column * rows + row; }
};

// `keep`: for the two functions below. Valid array and wires required.
WireFactors Eliminate(const CellMatrix& array, const Wires& wires, bool keep);

// All [rows, columns]; as in SolvedArray.
std::vector<double> EffectiveOf(const WireFactors& factors);
std::vector<double> SensitivityOf(const WireFactors& factors);
std::vector<double> GradientOf(const WireFactors& factors,
                               const double* gradient);

// fields [side, columns] := w * fields; `spare` is as large. w empty: nothing.
void MultiplyFields(const AlignedDoubles& w, int64_t side, int64_t columns,
                    Fields* fields, Fields* spare);

}  // namespace ohm::hw
