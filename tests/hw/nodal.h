// The slow way to solve an array with wires: every node an unknown, Kirchhoff's
// law at each, one sparse direct factorisation in float64. Shares no code with
// hw/wires.
#pragma once

#include <vector>

#include "core/base/random.h"
#include "hw/wires/wires.h"

namespace ohm::test {

// Geff [rows, columns]: one input at 1 V after the other. Nodes that no
// resistance parts are one node.
std::vector<double> NodalConductance(const hw::CellMatrix& array,
                                     const hw::Wires& wires);

// Output currents for word lines at `volts`.
std::vector<double> Currents(const std::vector<double>& conductance,
                             const std::vector<double>& volts);

// Cells uniform in 0 .. 1/3000 S, some of which conduct nothing.
hw::CellMatrix RandomArray(int64_t rows, int64_t columns, Key key);
// G_min + (G_max - G_min) * max(0, normal), scaled to its largest: one arm of
// differential pairs, 1/3e6 .. 1/3e3 S.
hw::CellMatrix HalfGaussianArray(int64_t rows, int64_t columns, Key key);

std::vector<double> Normals(int64_t count, Key key);

// Largest difference over largest magnitude of `expected`.
double WorstError(const std::vector<double>& expected,
                  const std::vector<double>& got);
// Root mean square difference over root mean square of `expected`.
double RmsError(const std::vector<double>& expected,
                const std::vector<double>& got);

}  // namespace ohm::test
