#include "tests/hw/nodal.h"

#include <Eigen/SparseCholesky>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/check.h"

namespace ohm::test {
namespace {

// Node numbers: tops, bottoms, sources, ground; joined ones share a root.
class Nodes {
 public:
  Nodes(int64_t rows, int64_t columns)
      : rows_(rows), columns_(columns), parent_(2 * rows * columns + rows + 1) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }

  int64_t Top(int64_t i, int64_t j) const { return i * columns_ + j; }
  int64_t Bottom(int64_t i, int64_t j) const {
    return (rows_ + i) * columns_ + j;
  }
  int64_t Source(int64_t i) const { return 2 * rows_ * columns_ + i; }
  int64_t Ground() const { return Source(rows_); }
  int64_t count() const { return int64_t(parent_.size()); }

  int64_t Root(int64_t node) const {
    while (parent_[size_t(node)] != node) node = parent_[size_t(node)];
    return node;
  }
  void Join(int64_t a, int64_t b) { parent_[size_t(Root(a))] = Root(b); }

 private:
  int64_t rows_, columns_;
  std::vector<int64_t> parent_;
};

struct Branch {
  int64_t a, b;
  double siemens;
};

class Network {
 public:
  Network(const hw::CellMatrix& array, const hw::Wires& wires)
      : array_(array), nodes_(array.rows, array.columns) {
    const int64_t m = array.rows, n = array.columns;
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const bool first = j == 0, last = i + 1 == m;
        Wire(first ? nodes_.Source(i) : nodes_.Top(i, j - 1), nodes_.Top(i, j),
             first ? wires.r_source : wires.r_row);
        Wire(nodes_.Bottom(i, j),
             last ? nodes_.Ground() : nodes_.Bottom(i + 1, j),
             last ? wires.r_load : wires.r_column);
        branches_.push_back({nodes_.Top(i, j), nodes_.Bottom(i, j), G(i, j)});
      }
    }
    Number();
    Factorise();
  }

  std::vector<double> Solve() const {
    const int64_t m = array_.rows, n = array_.columns;
    std::vector<double> effective(size_t(m * n), 0.0);
    for (int64_t input = 0; input < m; ++input) {
      const Eigen::VectorXd v = Voltages(input);
      for (int64_t j = 0; j < n; ++j) {
        for (int64_t i = 0; i < m; ++i) {
          effective[size_t(input * n + j)] +=
              G(i, j) * (At(v, input, nodes_.Top(i, j)) -
                         At(v, input, nodes_.Bottom(i, j)));
        }
      }
    }
    return effective;
  }

 private:
  double G(int64_t i, int64_t j) const {
    return array_.siemens[size_t(i * array_.columns + j)];
  }

  void Wire(int64_t a, int64_t b, double ohm) {
    if (ohm == 0) {
      nodes_.Join(a, b);
    } else {
      branches_.push_back({a, b, 1 / ohm});
    }
  }

  // Unknowns are the roots that are neither a source nor ground.
  void Number() {
    unknown_.assign(size_t(nodes_.count()), -1);
    std::vector<bool> known(size_t(nodes_.count()), false);
    for (int64_t i = 0; i <= array_.rows; ++i) {
      known[size_t(nodes_.Root(nodes_.Source(i)))] = true;
    }
    for (int64_t node = 0; node < nodes_.count(); ++node) {
      const int64_t root = nodes_.Root(node);
      if (root == node && !known[size_t(node)]) {
        unknown_[size_t(node)] = unknowns_++;
      }
    }
  }

  int64_t Unknown(int64_t node) const {
    return unknown_[size_t(nodes_.Root(node))];
  }

  void Factorise() {
    if (unknowns_ == 0) return;
    std::vector<Eigen::Triplet<double>> entries;
    for (const Branch& branch : branches_) {
      const int64_t a = Unknown(branch.a), b = Unknown(branch.b);
      if (a >= 0) entries.emplace_back(int(a), int(a), branch.siemens);
      if (b >= 0) entries.emplace_back(int(b), int(b), branch.siemens);
      if (a < 0 || b < 0) continue;
      entries.emplace_back(int(a), int(b), -branch.siemens);
      entries.emplace_back(int(b), int(a), -branch.siemens);
    }
    Eigen::SparseMatrix<double> matrix(unknowns_, unknowns_);
    matrix.setFromTriplets(entries.begin(), entries.end());
    solver_.compute(matrix);
    OHM_CHECK(solver_.info() == Eigen::Success, "nodal: cannot factorise");
  }

  Eigen::VectorXd Voltages(int64_t input) const {
    if (unknowns_ == 0) return {};
    Eigen::VectorXd currents = Eigen::VectorXd::Zero(unknowns_);
    const int64_t source = nodes_.Root(nodes_.Source(input));
    for (const Branch& branch : branches_) {
      const int64_t a = Unknown(branch.a), b = Unknown(branch.b);
      if (a >= 0 && nodes_.Root(branch.b) == source) {
        currents[a] += branch.siemens;
      }
      if (b >= 0 && nodes_.Root(branch.a) == source) {
        currents[b] += branch.siemens;
      }
    }
    return solver_.solve(currents);
  }

  double At(const Eigen::VectorXd& v, int64_t input, int64_t node) const {
    const int64_t unknown = Unknown(node);
    if (unknown >= 0) return v[unknown];
    return nodes_.Root(node) == nodes_.Root(nodes_.Source(input)) ? 1 : 0;
  }

  const hw::CellMatrix& array_;
  Nodes nodes_;
  std::vector<Branch> branches_;
  std::vector<int64_t> unknown_;
  int64_t unknowns_ = 0;
  Eigen::SimplicialLDLT<Eigen::SparseMatrix<double>> solver_;
};

}  // namespace

std::vector<double> NodalConductance(const hw::CellMatrix& array,
                                     const hw::Wires& wires) {
  return Network(array, wires).Solve();
}

std::vector<double> Currents(const std::vector<double>& conductance,
                             const std::vector<double>& volts) {
  const size_t columns = conductance.size() / volts.size();
  std::vector<double> currents(columns, 0.0);
  for (size_t i = 0; i < volts.size(); ++i) {
    for (size_t j = 0; j < columns; ++j) {
      currents[j] += volts[i] * conductance[i * columns + j];
    }
  }
  return currents;
}

hw::CellMatrix RandomArray(int64_t rows, int64_t columns, Key key) {
  hw::CellMatrix array{rows, columns, {}};
  for (uint64_t c = 0; c < uint64_t(rows * columns); ++c) {
    const double u = key.Uniform(c);
    array.siemens.push_back(u < 0.1 ? 0 : u / 3e3);
  }
  return array;
}

hw::CellMatrix HalfGaussianArray(int64_t rows, int64_t columns, Key key) {
  const std::vector<double> normals = Normals(rows * columns, key);
  double largest = 0;
  for (const double x : normals) largest = std::max(largest, std::fabs(x));
  const double g_min = 1 / 3e6, g_max = 1 / 3e3;
  hw::CellMatrix array{rows, columns, {}};
  for (const double x : normals) {
    array.siemens.push_back(g_min +
                            (g_max - g_min) * std::max(0.0, x / largest));
  }
  return array;
}

std::vector<double> Normals(int64_t count, Key key) {
  std::vector<double> values;
  for (uint64_t i = 0; i < uint64_t(count); ++i) {
    values.push_back(key.Normal(i));
  }
  return values;
}

double WorstError(const std::vector<double>& expected,
                  const std::vector<double>& got) {
  OHM_CHECK(expected.size() == got.size(), "nodal: sizes differ");
  double largest = 0, worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::fabs(expected[i]));
    const double error = std::fabs(expected[i] - got[i]);
    if (!(error <= worst)) worst = error;  // NaN stays
  }
  return largest == 0 ? worst : worst / largest;
}

double RmsError(const std::vector<double>& expected,
                const std::vector<double>& got) {
  OHM_CHECK(expected.size() == got.size(), "nodal: sizes differ");
  double power = 0, error = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    power += expected[i] * expected[i];
    error += (expected[i] - got[i]) * (expected[i] - got[i]);
  }
  return std::sqrt(error / power);
}

}  // namespace ohm::test
