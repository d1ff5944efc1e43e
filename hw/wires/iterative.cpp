#include "hw/wires/iterative.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/base/check.h"
#include "core/base/number_text.h"
#include "hw/wires/ladder.h"

namespace ohm::hw {
namespace {

using Values = std::vector<double>;

// Cell (i, j) of [rows, columns] to (j, i).
void Transpose(const Values& from, int64_t rows, int64_t columns, Values* to) {
  to->resize(from.size());
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      (*to)[size_t(j * rows + i)] = from[size_t(i * columns + j)];
    }
  }
}

// Bit lines are driven at their last row: read upwards they are ladders.
void Upwards(const Values& from, int64_t rows, int64_t columns, Values* to) {
  to->resize(from.size());
  for (int64_t i = 0; i < rows; ++i) {
    std::copy_n(from.begin() + i * columns, columns,
                to->begin() + (rows - 1 - i) * columns);
  }
}

// All lines of one direction, side by side, with cells i = g v + offset.
class Lines {
 public:
  explicit Lines(const LadderShape& shape)
      : shape_(shape),
        y_(size_t(shape.count())),
        pass_(y_.size()),
        v_(y_.size()) {}

  // In the order of the ladders.
  void SetConductances(const Values& g) {
    LadderPass(shape_, g.data(), y_.data(), pass_.data());
  }
  const Values& Solve(const double* source, const Values& injected) {
    LadderSolve(shape_, pass_.data(), source, injected.data(), v_.data());
    return v_;
  }

 private:
  LadderShape shape_;
  Values y_, pass_, v_;
};

double LargestMagnitude(std::span<const double> values) {
  double largest = 0;
  for (const double v : values) largest = std::max(largest, std::fabs(v));
  return largest;
}

class Solver {
 public:
  Solver(const CellMatrix& array, const Wires& wires,
         std::span<const double> volts, const CellLaw* law,
         const IterationOptions& options, const NodeVoltages* start)
      : array_(array),
        law_(law),
        options_(options),
        volts_(volts),
        word_lines_({array.columns, array.rows, wires.r_source, wires.r_row}),
        bit_lines_({array.rows, array.columns, wires.r_load, wires.r_column}),
        slope_(array.siemens),
        offset_(slope_.size(), 0.0),
        ampere_(slope_.size()) {
    Start(start);
    if (law_ == nullptr) Refactor();
  }

  IterationResult Run() {
    const double scale = LargestMagnitude(volts_);
    if (scale == 0) return AtRest();
    double before = 0;
    while (result_.sweeps < options_.most_sweeps && !result_.converged) {
      const double change = Sweep();
      ++result_.sweeps;
      // Changes shrink by a rate; what is left is their geometric series.
      const double rate = before > 0 ? std::min(change / before, 1 - 1e-12) : 0;
      const bool judged = before > 0 || change == 0;
      before = change;
      result_.residual =
          change == 0 ? 0 : change / scale * std::max(1.0, rate / (1 - rate));
      result_.converged = judged && result_.residual <= options_.tolerance;
    }
    MeasureCurrents();
    return std::move(result_);
  }

 private:
  // Nothing drives the array: no voltage is a share of the largest input.
  IterationResult AtRest() {
    result_.voltages.top.assign(slope_.size(), 0.0);
    result_.voltages.bottom.assign(slope_.size(), 0.0);
    result_.converged = true;
    MeasureCurrents();
    return std::move(result_);
  }

  void Start(const NodeVoltages* start) {
    NodeVoltages& v = result_.voltages;
    if (start != nullptr) {
      OHM_CHECK(start->top.size() == slope_.size() &&
                    start->bottom.size() == slope_.size(),
                "array: expected voltages of " + std::to_string(slope_.size()) +
                    " cells to start from, got " +
                    std::to_string(start->top.size()));
      v = *start;
      return;
    }
    v.bottom.assign(slope_.size(), 0.0);
    for (const double volt : volts_) {
      v.top.insert(v.top.end(), size_t(array_.columns), volt);
    }
  }

  // Tangents of all cells, where the law is not linear.
  void Linearise() {
    if (law_ == nullptr) return;
    const NodeVoltages& v = result_.voltages;
    for (size_t c = 0; c < slope_.size(); ++c) {
      const double volt = v.top[c] - v.bottom[c];
      const CellPoint point = (*law_)(array_.siemens[c], volt);
      OHM_CHECK(std::isfinite(point.ampere) && std::isfinite(point.slope) &&
                    point.slope >= 0,
                "array: expected a cell law with a finite slope of at least 0, "
                "got " +
                    NumberText(point.slope) + " siemens at " +
                    NumberText(volt) + " volt");
      slope_[c] = point.slope;
      offset_[c] = point.ampere - point.slope * volt;
    }
    Refactor();
  }

  void Refactor() {
    Transpose(slope_, array_.rows, array_.columns, &lines_);
    word_lines_.SetConductances(lines_);
    Upwards(slope_, array_.rows, array_.columns, &lines_);
    bit_lines_.SetConductances(lines_);
  }

  void SolveWordLines() {
    NodeVoltages& v = result_.voltages;
    for (size_t c = 0; c < slope_.size(); ++c) {
      ampere_[c] = slope_[c] * v.bottom[c] - offset_[c];
    }
    Transpose(ampere_, array_.rows, array_.columns, &lines_);
    Transpose(word_lines_.Solve(volts_.data(), lines_), array_.columns,
              array_.rows, &v.top);
  }

  // Returns the largest change of a bottom voltage. What a word line then
  // lacks in current is that change times its cell's conductance.
  double SolveBitLines() {
    NodeVoltages& v = result_.voltages;
    for (size_t c = 0; c < slope_.size(); ++c) {
      ampere_[c] = slope_[c] * v.top[c] + offset_[c];
    }
    Upwards(ampere_, array_.rows, array_.columns, &lines_);
    Upwards(bit_lines_.Solve(nullptr, lines_), array_.rows, array_.columns,
            &ampere_);
    double change = 0;
    for (size_t c = 0; c < slope_.size(); ++c) {
      change = std::max(change, std::fabs(ampere_[c] - v.bottom[c]));
    }
    std::swap(v.bottom, ampere_);
    return change;
  }

  double Sweep() {
    Linearise();
    before_ = result_.voltages.top;
    SolveWordLines();
    double change = 0;
    for (size_t c = 0; c < slope_.size(); ++c) {
      change =
          std::max(change, std::fabs(result_.voltages.top[c] - before_[c]));
    }
    return std::max(change, SolveBitLines());
  }

  // What the cells let through into each bit line: all of it reaches the load.
  void MeasureCurrents() {
    const NodeVoltages& v = result_.voltages;
    result_.currents.assign(size_t(array_.columns), 0.0);
    for (size_t c = 0; c < slope_.size(); ++c) {
      const double volt = v.top[c] - v.bottom[c];
      result_.currents[c % size_t(array_.columns)] +=
          law_ == nullptr ? array_.siemens[c] * volt
                          : (*law_)(array_.siemens[c], volt).ampere;
    }
  }

  const CellMatrix& array_;
  const CellLaw* law_;  // null: linear
  const IterationOptions& options_;
  std::span<const double> volts_;
  Lines word_lines_, bit_lines_;
  Values slope_, offset_, ampere_, lines_, before_;
  IterationResult result_;
};

IterationResult Solve(const CellMatrix& array, const Wires& wires,
                      std::span<const double> volts, const CellLaw* law,
                      const IterationOptions& options,
                      const NodeVoltages* start) {
  CheckArray(array);
  CheckWires(wires);
  OHM_CHECK(int64_t(volts.size()) == array.rows,
            "array: expected a voltage for each of " +
                std::to_string(array.rows) + " rows, got " +
                std::to_string(volts.size()));
  OHM_CHECK(
      std::ranges::all_of(volts, [](double v) { return std::isfinite(v); }),
      "array: expected finite voltages");
  OHM_CHECK(options.tolerance > 0 && options.most_sweeps >= 1,
            "array: expected a tolerance above 0 and at least 1 sweep, got " +
                NumberText(options.tolerance) + " and " +
                std::to_string(options.most_sweeps));
  return Solver(array, wires, volts, law, options, start).Run();
}

}  // namespace

CellPoint MiloCell(double siemens, double volt) {
  const double fitted = std::clamp(siemens, 50e-6, 225e-6);
  const double z = std::log10(fitted), share = siemens / fitted;
  const double a =
      share * (((1.388e-4 * z + 1.541e-3) * z + 5.711e-3) * z + 7.063e-3);
  const double b = share * ((8.871e-5 * z + 6.7919e-4) * z + 1.2968e-3);
  return {((b * volt + a) * volt + siemens) * volt,
          (3 * b * volt + 2 * a) * volt + siemens};
}

CellLaw SinhCell(double scale) {
  OHM_CHECK(std::isfinite(scale) && scale > 0,
            "array: expected a sinh cell's scale above 0 volt, got " +
                NumberText(scale));
  return [scale](double siemens, double volt) -> CellPoint {
    return {siemens * scale * std::sinh(volt / scale),
            siemens * std::cosh(volt / scale)};
  };
}

IterationResult Iterate(const CellMatrix& array, const Wires& wires,
                        std::span<const double> volts,
                        const IterationOptions& options,
                        const NodeVoltages* start) {
  return Solve(array, wires, volts, nullptr, options, start);
}

IterationResult Iterate(const CellMatrix& array, const Wires& wires,
                        std::span<const double> volts, const CellLaw& law,
                        const IterationOptions& options,
                        const NodeVoltages* start) {
  return Solve(array, wires, volts, &law, options, start);
}

}  // namespace ohm::hw
