// Published approximations of the effective conductances, O(rows * columns)
// each, for comparison with the exact ones (hw/wires/effective.h), which are
// cheap enough to replace them all. Errors are measured: docs/crossbar.md.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "hw/wires/wire_spec.h"
#include "hw/wires/wires.h"

namespace ohm::hw {

struct WireModelRow {
  const char* name;  // "alpha_beta": the word of a config key
  // Geff [rows, columns], siemens. Error as CheckArray and CheckWires.
  std::vector<double> (*effective)(const CellMatrix& array, const Wires& wires);
  const char* doc;  // what it is, its source, its error
};

// In the order of WireModel.
const std::vector<WireModelRow>& WireModelTable();
std::vector<double> EffectiveBy(WireModel model, const CellMatrix& array,
                                const Wires& wires);
// Error that lists the names if there is no such model.
WireModel WireModelOf(const std::string& name);

// alpha o G o beta: alpha_ij is the voltage of word line i at column j with the
// bit lines grounded; beta_ij the share of a current of bit line j at row i
// that leaves by its load, with the word lines grounded: each line a ladder of
// its own cells, solved exactly. Neglects that lines interact: in light drop
// the error is second order. Source: Lepri et al., IEEE TED 2022 (9691996);
// reconstructed from its abstract.
std::vector<double> AlphaBeta(const CellMatrix& array, const Wires& wires);

// diag(a) G diag(b): as AlphaBeta with the mean conductance of each row on a
// bit line (a) and of each column on a word line (b), to first order as
// published: a_i = (1 + R sum_{k<i} (i-k) m_k) /
//                  (1 + sum_k (R_load + R (M-1-k)) m_k), m_k the row's mean.
// Source: "DMR", Liao et al., IEEE TCAD 40(8), 2021; reconstructed.
std::vector<double> DiagonalMatrices(const CellMatrix& array,
                                     const Wires& wires);

// G less its first-order change: 1 - (drop of the ideal currents on the word
// line) - (on the bit line). One sweep of NeumannCurrents for all inputs.
std::vector<double> FirstOrder(const CellMatrix& array, const Wires& wires);

// Output currents after `sweeps` >= 0 rounds of dV <- V - drop(G o dV), where
// dV is the voltage across each cell and drop what cell currents lose on both
// wires (the Neumann series of the network; CrossSim's iteration with gamma 1).
// Diverges where wires take much. Error also for a wrong number of volts.
std::vector<double> NeumannCurrents(const CellMatrix& array, const Wires& wires,
                                    std::span<const double> volts, int sweeps);

}  // namespace ohm::hw
