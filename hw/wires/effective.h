// The exact effective conductances of an array with wires, and their exact
// derivatives: direct solution in float64, once for each state of the cells,
// whatever the inputs.
//
// Method: block elimination over word lines (as RxNN's "fast crossbar model",
// Jain et al., TCAD 2020, does with sparse factors), in resistance form. With
// rows 0..i folded into a source of admittance Y_i and short-circuit currents
// J_i at the bottom of row i, R = r_column, g = row i's cells:
//
//   X_i = inverse of the word line's nodal matrix (hw/wires/ladder.h)
//   H_i = diag(g) - diag(g) X_i diag(g),   u_i = g o (voltages of the ladder)
//   W_i = (1 + R Y_i)^-1                   symmetric, eigenvalues in (0, 1]
//   Y_{i+1} = H_{i+1} + (1 - W_i) / R,     J_{i+1} = [W_i J_i, u_{i+1}]
//   Geff^T  = (1 + r_load Y_{M-1})^-1 J_{M-1}
//
// Nothing divides by a resistance that may be 0, so ideal wires, drivers and
// loads need no case of their own. The shorter side is the block: an array
// with more columns than rows is solved as its mirror image, for by
// reciprocity inputs and outputs of a passive network change places.
//
// Cost with N the shorter side and M the longer: M N^3 / 2 + M^2 N^2 / 2
// multiply-adds (16.8 million for 64 x 64). One array is solved by one thread:
// the result's bits do not depend on threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hw/wires/wires.h"

namespace ohm::hw {

// Geff [rows, columns], siemens: output currents I_j = sum_i V_i Geff_ij.
// Error as CheckArray and CheckWires. Wires all 0: the cells, bit for bit.
std::vector<double> EffectiveConductance(const CellMatrix& array,
                                         const Wires& wires);

// The same for many arrays, in parallel: each result has the bits of its own
// EffectiveConductance.
std::vector<std::vector<double>> EffectiveConductances(
    std::span<const CellMatrix> arrays, const Wires& wires);

// Geff / G entry by entry, 0 where a cell conducts nothing: a frozen model of
// the wires for changes of all cells in proportion. For weight updates
// Sensitivity is the better one.
std::vector<double> EffectiveShare(const CellMatrix& array,
                                   const std::vector<double>& effective);

// One solved array with its factors, for derivatives. Takes
// 8 bytes * (M N^2 + M^2 N / 2): 3 MiB for 64 x 64, 24 MiB for 128 x 128.
class SolvedArray {
 public:
  // Errors as EffectiveConductance; same bits.
  SolvedArray(const CellMatrix& array, const Wires& wires);
  ~SolvedArray();
  SolvedArray(SolvedArray&&) noexcept;
  SolvedArray& operator=(SolvedArray&&) noexcept;

  int64_t rows() const;
  int64_t columns() const;
  const std::vector<double>& effective() const;  // Geff [rows, columns]

  // D [rows, columns], D_ij = dGeff_ij / dG_ij, in 0..1: the frozen model for
  // small changes, Geff + D o dG. Another M N^3 + M^2 N^2 / 2 multiply-adds:
  // of the fields only the diagonals are made.
  std::vector<double> Sensitivity() const;

  // dL/dG [rows, columns] from `gradient` = dL/dGeff [rows, columns] by the
  // adjoint network, exactly. Another 2 M^2 N^2 multiply-adds.
  std::vector<double> Gradient(std::span<const double> gradient) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ohm::hw
