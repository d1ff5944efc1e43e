#include "hw/wires/effective.h"

#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/wires/elimination.h"

namespace ohm::hw {
namespace {

// The mirror image exchanges inputs and outputs: bit line j is word line
// N - 1 - j of the image, driven where its load was, and word line i is bit
// line M - 1 - i. Cell (i, j) of M x N becomes (N - 1 - j, M - 1 - i), which is
// to read the matrix backwards and transpose it. Its own inverse.
std::vector<double> MirrorCells(const std::vector<double>& cells, int64_t rows,
                                int64_t columns) {
  std::vector<double> image(cells.size());
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      image[size_t((columns - 1 - j) * rows + rows - 1 - i)] =
          cells[size_t(i * columns + j)];
    }
  }
  return image;
}

Wires MirrorWires(const Wires& wires) {
  return {wires.r_column, wires.r_row, wires.r_load, wires.r_source};
}

// An array as it is eliminated: its shorter side as the block.
struct Oriented {
  bool mirrored;
  WireFactors factors;

  Oriented(const CellMatrix& array, const Wires& wires, bool keep)
      : mirrored(array.columns > array.rows),
        factors(Solve(array, wires, mirrored, keep)) {}

  static WireFactors Solve(const CellMatrix& array, const Wires& wires,
                           bool mirrored, bool keep) {
    CheckArray(array);
    CheckWires(wires);
    if (!mirrored) return Eliminate(array, wires, keep);
    const CellMatrix image{
        array.columns, array.rows,
        MirrorCells(array.siemens, array.rows, array.columns)};
    return Eliminate(image, MirrorWires(wires), keep);
  }

  // From the orientation of the factors to the array's, or back.
  std::vector<double> ToArray(std::vector<double> cells) const {
    if (!mirrored) return cells;
    return MirrorCells(cells, factors.rows, factors.columns);
  }
  std::vector<double> FromArray(std::vector<double> cells) const {
    if (!mirrored) return cells;
    return MirrorCells(cells, factors.columns, factors.rows);
  }
};

}  // namespace

std::vector<double> EffectiveConductance(const CellMatrix& array,
                                         const Wires& wires) {
  const Oriented solved(array, wires, /*keep=*/false);
  return solved.ToArray(EffectiveOf(solved.factors));
}

std::vector<std::vector<double>> EffectiveConductances(
    std::span<const CellMatrix> arrays, const Wires& wires) {
  std::vector<std::vector<double>> results(arrays.size());
  ParallelFor(int64_t(arrays.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t a = begin; a < end; ++a) {
      results[size_t(a)] = EffectiveConductance(arrays[size_t(a)], wires);
    }
  });
  return results;
}

std::vector<double> EffectiveShare(const CellMatrix& array,
                                   const std::vector<double>& effective) {
  CheckArray(array);
  OHM_CHECK(effective.size() == array.siemens.size(),
            "array: expected an effective conductance for each of " +
                std::to_string(array.siemens.size()) + " cells, got " +
                std::to_string(effective.size()));
  std::vector<double> share(effective.size(), 0.0);
  for (size_t c = 0; c < share.size(); ++c) {
    if (array.siemens[c] > 0) share[c] = effective[c] / array.siemens[c];
  }
  return share;
}

struct SolvedArray::State {
  Oriented solved;
  std::vector<double> effective;
};

SolvedArray::SolvedArray(const CellMatrix& array, const Wires& wires) {
  Oriented solved(array, wires, /*keep=*/true);
  std::vector<double> effective = solved.ToArray(EffectiveOf(solved.factors));
  state_.reset(new State{std::move(solved), std::move(effective)});
}

SolvedArray::~SolvedArray() = default;
SolvedArray::SolvedArray(SolvedArray&&) noexcept = default;
SolvedArray& SolvedArray::operator=(SolvedArray&&) noexcept = default;

int64_t SolvedArray::rows() const {
  const WireFactors& f = state_->solved.factors;
  return state_->solved.mirrored ? f.columns : f.rows;
}

int64_t SolvedArray::columns() const {
  const WireFactors& f = state_->solved.factors;
  return state_->solved.mirrored ? f.rows : f.columns;
}

const std::vector<double>& SolvedArray::effective() const {
  return state_->effective;
}

std::vector<double> SolvedArray::Sensitivity() const {
  return state_->solved.ToArray(SensitivityOf(state_->solved.factors));
}

std::vector<double> SolvedArray::Gradient(
    std::span<const double> gradient) const {
  OHM_CHECK(int64_t(gradient.size()) == rows() * columns(),
            "array: expected a gradient for each of " +
                std::to_string(rows() * columns()) +
                " effective conductances, got " +
                std::to_string(gradient.size()));
  const Oriented& solved = state_->solved;
  const std::vector<double> inner =
      solved.FromArray({gradient.begin(), gradient.end()});
  return solved.ToArray(GradientOf(solved.factors, inner.data()));
}

}  // namespace ohm::hw
