#include "hw/wires/approximate.h"

#include <algorithm>
#include <string>

#include "core/base/table.h"
#include "hw/wires/effective.h"
#include "hw/wires/ladder.h"

namespace ohm::hw {
namespace {

using Values = std::vector<double>;

// Voltages [nodes, lines] of ladders driven at 1 V.
Values Ladders(const LadderShape& shape, const Values& g) {
  Values y(g.size()), pass(g.size()), v(g.size());
  LadderPass(shape, g.data(), y.data(), pass.data());
  LadderVoltages(shape, pass.data(), v.data());
  return v;
}

void Check(const CellMatrix& array, const Wires& wires) {
  CheckArray(array);
  CheckWires(wires);
}

// Voltages at the nodes of one line of mean conductances m, driven behind
// node 0, all currents as if the line were ideal; relative to the driver's.
Values MeanLine(const Values& m, double r_segment, double r_end) {
  const auto n = int64_t(m.size());
  // Seen from the floating end: node k is 1 + what the cells beyond it drop.
  Values v(m.size(), 1.0);
  double current = 0, drop = 0;
  for (int64_t k = n - 1; k >= 0; --k) {
    v[size_t(k)] = 1 + drop;
    current += m[size_t(k)];
    drop += (k == 0 ? r_end : r_segment) * current;
  }
  for (double& x : v) x /= 1 + drop;
  return v;
}

// Voltage lost up to each cell of a line by the currents of all its cells;
// node 0 nearest the driver.
void AddDrop(const double* ampere, int64_t n, int64_t step, double r_segment,
             double r_end, double* drop) {
  double current = 0;
  for (int64_t k = 0; k < n; ++k) current += ampere[k * step];
  double lost = 0;
  for (int64_t k = 0; k < n; ++k) {
    lost += (k == 0 ? r_end : r_segment) * current;
    drop[k * step] += lost;
    current -= ampere[k * step];
  }
}

void AddRowDrops(const CellMatrix& array, const Wires& wires,
                 const Values& ampere, Values* drop) {
  for (int64_t i = 0; i < array.rows; ++i) {
    const int64_t first = i * array.columns;
    AddDrop(ampere.data() + first, array.columns, 1, wires.r_row,
            wires.r_source, drop->data() + first);
  }
}

void AddColumnDrops(const CellMatrix& array, const Wires& wires,
                    const Values& ampere, Values* drop) {
  for (int64_t j = 0; j < array.columns; ++j) {
    const int64_t last = (array.rows - 1) * array.columns + j;
    AddDrop(ampere.data() + last, array.rows, -array.columns, wires.r_column,
            wires.r_load, drop->data() + last);
  }
}

}  // namespace

Values AlphaBeta(const CellMatrix& array, const Wires& wires) {
  Check(array, wires);
  const int64_t m = array.rows, n = array.columns;
  Values by_columns(array.siemens.size()), upwards(array.siemens.size());
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const double g = array.siemens[size_t(i * n + j)];
      by_columns[size_t(j * m + i)] = upwards[size_t((m - 1 - i) * n + j)] = g;
    }
  }
  const Values alpha = Ladders({n, m, wires.r_source, wires.r_row}, by_columns);
  // By reciprocity the share of a current is the voltage of a line driven at
  // its load.
  const Values beta = Ladders({m, n, wires.r_load, wires.r_column}, upwards);
  Values effective = array.siemens;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      effective[size_t(i * n + j)] *=
          alpha[size_t(j * m + i)] * beta[size_t((m - 1 - i) * n + j)];
    }
  }
  return effective;
}

Values DiagonalMatrices(const CellMatrix& array, const Wires& wires) {
  Check(array, wires);
  const int64_t m = array.rows, n = array.columns;
  // Of rows from the load upwards, of columns from the source on.
  Values row_mean(size_t(m), 0.0), column_mean(size_t(n), 0.0);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const double g = array.siemens[size_t(i * n + j)];
      row_mean[size_t(m - 1 - i)] += g / double(n);
      column_mean[size_t(j)] += g / double(m);
    }
  }
  const Values a = MeanLine(row_mean, wires.r_column, wires.r_load);
  const Values b = MeanLine(column_mean, wires.r_row, wires.r_source);
  Values effective = array.siemens;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      effective[size_t(i * n + j)] *= a[size_t(m - 1 - i)] * b[size_t(j)];
    }
  }
  return effective;
}

Values FirstOrder(const CellMatrix& array, const Wires& wires) {
  Check(array, wires);
  // What 1 V at one input loses on its word line is G_ij's own; what its
  // current makes all others lose on bit line j adds up, by reciprocity, to
  // what 1 V at output j alone would lose up to row i.
  Values drop(array.siemens.size(), 0.0);
  AddRowDrops(array, wires, array.siemens, &drop);
  AddColumnDrops(array, wires, array.siemens, &drop);
  Values effective = array.siemens;
  for (size_t c = 0; c < effective.size(); ++c) effective[c] *= 1 - drop[c];
  return effective;
}

Values NeumannCurrents(const CellMatrix& array, const Wires& wires,
                       std::span<const double> volts, int sweeps) {
  Check(array, wires);
  OHM_CHECK(int64_t(volts.size()) == array.rows && sweeps >= 0,
            "array: expected " + std::to_string(array.rows) +
                " voltages and at least 0 sweeps, got " +
                std::to_string(volts.size()) + " and " +
                std::to_string(sweeps));
  const auto n = size_t(array.columns);
  Values ampere(array.siemens.size()), drop(array.siemens.size(), 0.0);
  for (int sweep = 0; sweep <= sweeps; ++sweep) {
    for (size_t c = 0; c < ampere.size(); ++c) {
      ampere[c] = array.siemens[c] * (volts[c / n] - drop[c]);
    }
    std::fill(drop.begin(), drop.end(), 0.0);
    AddRowDrops(array, wires, ampere, &drop);
    AddColumnDrops(array, wires, ampere, &drop);
  }
  Values currents(n, 0.0);
  for (size_t c = 0; c < ampere.size(); ++c) currents[c % n] += ampere[c];
  return currents;
}

// Errors: root mean square of Geff, relative, for one 64 x 64 array of
// half-Gaussian cells of 1/3e6 .. 1/3e3 S, source and load of 4 ohm.
const std::vector<WireModelRow>& WireModelTable() {
  static const std::vector<WireModelRow> table = {
      {"exact", EffectiveConductance,
       "Block elimination in float64; exact to rounding."},
      {"alpha_beta", AlphaBeta,
       "Each word line and bit line alone, exactly (Lepri, TED 2022, "
       "reconstructed): 1.0 % off at 2.67 ohm, 15 % at 28 ohm; with all "
       "levels equally often 12 % at 2.67 ohm."},
      {"dmr", DiagonalMatrices,
       "A factor for each row and each column (Liao, TCAD 2021, "
       "reconstructed): 4.1 % off at 2.67 ohm, 29 % at 28 ohm; with all "
       "levels equally often 8.7 % at 2.67 ohm."},
      {"first_order", FirstOrder,
       "Drops by the currents of ideal wires (one Neumann sweep): 9.3 % off at "
       "2.67 ohm, useless at 28 ohm and with all levels equally often."},
  };
  return table;
}

Values EffectiveBy(WireModel model, const CellMatrix& array,
                   const Wires& wires) {
  return WireModelTable()[size_t(model)].effective(array, wires);
}

WireModel WireModelOf(const std::string& name) {
  const auto& table = WireModelTable();
  const auto* row = &FindRow(table, name, "wires:");
  return WireModel(row - table.data());
}

}  // namespace ohm::hw
