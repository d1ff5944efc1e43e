// The voltages of an array with wires for given inputs, by alternating between
// word lines and bit lines: each line is solved exactly with the other lines'
// voltages as they were (block Gauss-Seidel, a tridiagonal system for each
// line). Always converges for linear cells, since the network's matrix is
// positive definite; fast where the wires take little. Cells may have any
// current-voltage law: each sweep takes their tangents anew, which is Newton's
// method with one step of the linear solver.
//
// For linear cells and many inputs hw/wires/effective.h is cheaper: it solves
// once for all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "hw/wires/wires.h"

namespace ohm::hw {

// What a cell does at a voltage.
struct CellPoint {
  double ampere = 0;
  double slope = 0;  // di/dv, siemens, at least 0
};

// Current and slope of a cell of `siemens` (its small-signal conductance) with
// `volt` across it.
using CellLaw = std::function<CellPoint(double siemens, double volt)>;

// i = g v + a v^2 + b v^3 with a and b fitted to HfO2 ReRAM as functions of g;
// measured for 62.5 to 110 uS and |v| <= 0.5 V. Beyond 50 .. 225 uS the whole
// curve of the nearest g is scaled, for the fit has falling currents there.
// Source: Milo et al., IRPS 2021, as in CrossSim.
CellPoint MiloCell(double siemens, double volt);

// i = g * scale * sinh(v / scale): barrier-limited conduction, slope g at 0 V.
// `scale` > 0, volt.
CellLaw SinhCell(double scale);

struct IterationOptions {
  // Stop where no voltage is off by more than tolerance * (largest input), as
  // estimated from the last changes and the rate at which they shrink.
  double tolerance = 1e-9;
  int64_t most_sweeps = 10000;
};

// Voltages of all nodes, volt; [rows, columns] each.
struct NodeVoltages {
  std::vector<double> top, bottom;
};

struct IterationResult {
  std::vector<double> currents;  // of the outputs, ampere [columns]
  NodeVoltages voltages;
  int64_t sweeps = 0;
  // The estimate that was compared with the tolerance.
  double residual = 0;
  bool converged = false;  // within most_sweeps
};

// Linear cells. `volts` [rows]. `start`: voltages to begin with, those of a
// similar problem; null: ideal wires. Error as CheckArray and CheckWires, for a
// wrong number of volts, and for options that make no sense. Not converging is
// reported, not an error. O(rows * columns) per sweep.
IterationResult Iterate(const CellMatrix& array, const Wires& wires,
                        std::span<const double> volts,
                        const IterationOptions& options = {},
                        const NodeVoltages* start = nullptr);

// Cells that obey `law`, whose small-signal conductances are array.siemens.
// Error also where the law gives a slope that is negative or not finite.
IterationResult Iterate(const CellMatrix& array, const Wires& wires,
                        std::span<const double> volts, const CellLaw& law,
                        const IterationOptions& options = {},
                        const NodeVoltages* start = nullptr);

}  // namespace ohm::hw
