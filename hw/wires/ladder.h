// One line of an array by itself: a ladder of series resistors with a cell at
// every node, driven at one end. Both the exact elimination and the published
// approximations are made of these.
//
//   driver --r[0]-- node 0 --r[1]-- node 1 ... node K-1      (the end floats)
//                     |               |           |
//                    g[0]            g[1]        g[K-1]  to the cells' far ends
//
// Written in resistances, without a subtraction: exact to rounding for any
// resistance, 0 included.
#pragma once

#include <cstdint>
#include <vector>

namespace ohm::hw {

// `lines` ladders side by side, computed lane by lane. Entry (node k, line l)
// of g and of every result is at [k * lines + l].
struct LadderShape {
  int64_t nodes = 0, lines = 0;
  double r_end = 0;      // between the driver and node 0, ohm
  double r_segment = 0;  // between neighbouring nodes, ohm

  double Resistance(int64_t k) const { return k == 0 ? r_end : r_segment; }
  int64_t count() const { return nodes * lines; }
};

// y[k] = conductance to ground seen from node k away from the driver, its own
// cell included; pass[k] = 1 / (1 + r[k] * y[k]), the share of the voltage that
// comes through r[k].
void LadderPass(const LadderShape& shape, const double* g, double* y,
                double* pass);

// Voltage of every node for 1 V at the driver, the cells' far ends at 0 V: the
// running product of `pass`.
void LadderVoltages(const LadderShape& shape, const double* pass, double* v);

// self[k] = resistance between node k and ground, driver and far ends at 0 V
// (the diagonal of the ladder's inverse); rest[k] = 1 - g[k] * self[k].
void LadderSelf(const LadderShape& shape, const double* g, const double* y,
                const double* pass, double* self, double* rest);

// Voltages v for drivers at `source` [lines] volts (null: 0) and cells that
// inject the currents `injected` (g times the far end's voltage, amperes)
// beside loading the node with g. v may be the same as `injected`.
void LadderSolve(const LadderShape& shape, const double* pass,
                 const double* source, const double* injected, double* v);

}  // namespace ohm::hw
