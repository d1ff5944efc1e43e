#include <doctest/doctest.h>

#include <cmath>

#include "core/base/check.h"
#include "hw/wires/effective.h"
#include "hw/wires/iterative.h"
#include "tests/hw/effect_cells.h"
#include "tests/hw/nodal.h"
#include "tests/support/near.h"
#include "tests/support/worse.h"

namespace ohm::test {
namespace {

using hw::CellMatrix;
using hw::IterationResult;
using hw::Wires;

TEST_CASE("wires: iterating ends at the exact currents") {
  for (const auto& [rows, columns] :
       {std::pair{1, 1}, {5, 3}, {1, 9}, {9, 1}, {24, 31}}) {
    const CellMatrix array = RandomArray(rows, columns, Key(1));
    const std::vector<double> volts = Normals(rows, Key(2));
    for (const Wires& wires :
         {Wires{}, Wires{2.67, 2.67, 4, 4}, Wires{28, 0, 0, 50},
          Wires{0, 28, 100, 0}, Wires{28, 28, 4, 4}}) {
      const IterationResult result = hw::Iterate(array, wires, volts);
      INFO(rows, " x ", columns, ", r_row ", wires.r_row);
      CHECK(result.converged);
      CHECK(result.residual <= 1e-9);
      CHECK(WorstError(Currents(hw::EffectiveConductance(array, wires), volts),
                       result.currents) <= 1e-7);
    }
  }
}

TEST_CASE("wires: all that the cells let through reaches the load") {
  const CellMatrix array = RandomArray(12, 7, Key(3));
  const Wires wires{28, 17, 4, 50};
  const auto result =
      hw::Iterate(array, wires, Normals(12, Key(4)), {.tolerance = 1e-13});
  for (size_t j = 0; j < 7; ++j) {
    CHECK(result.voltages.bottom[11 * 7 + j] / wires.r_load ==
          Near(result.currents[j], 1e-9));
  }
}

TEST_CASE("wires: a few sweeps suffice, and fewer from a close start") {
  const CellMatrix array = HalfGaussianArray(64, 64, Key(5));
  const Wires wires{2.67, 2.67, 4, 4};
  std::vector<double> volts = Normals(64, Key(6));
  const hw::IterationOptions options{.tolerance = 1e-6};
  const auto cold = hw::Iterate(array, wires, volts, options);
  CHECK(cold.converged);
  CHECK(cold.sweeps <= 12);
  for (double& v : volts) v *= 1 + 1e-5;
  const auto warm = hw::Iterate(array, wires, volts, options, &cold.voltages);
  CHECK(warm.converged);
  CHECK(warm.sweeps < cold.sweeps);
  const auto capped = hw::Iterate(array, wires, volts, {.most_sweeps = 1});
  CHECK_FALSE(capped.converged);
  CHECK(capped.sweeps == 1);
  CHECK(capped.residual > 0);
}

TEST_CASE("wires: a law that is linear gives what linear cells give") {
  const CellMatrix array = RandomArray(8, 11, Key(7));
  const Wires wires{28, 17, 4, 50};
  const auto volts = Normals(8, Key(8));
  const hw::CellLaw linear = [](double g, double v) -> hw::CellPoint {
    return {g * v, g};
  };
  CHECK(WorstError(hw::Iterate(array, wires, volts).currents,
                   hw::Iterate(array, wires, volts, linear).currents) <= 1e-12);
}

TEST_CASE("wires: an array that nothing drives carries nothing") {
  const CellMatrix array = RandomArray(8, 11, Key(12));
  const Wires wires{28, 17, 4, 50};
  const auto driven = hw::Iterate(array, wires, Normals(8, Key(13)));
  const std::vector<double> off(8, 0.0);
  const auto result = hw::Iterate(array, wires, off, {}, &driven.voltages);
  CHECK(result.converged);
  for (const double ampere : result.currents) CHECK(ampere == 0);
  const auto bent =
      hw::Iterate(array, wires, off, hw::SinhCell(0.1), {}, &driven.voltages);
  CHECK(bent.converged);
  for (const double ampere : bent.currents) CHECK(ampere == 0);
  for (const double volt : bent.voltages.bottom) CHECK(volt == 0);
}

// Kirchhoff's law at every node with each cell's own current.
double WorstImbalance(const CellMatrix& array, const Wires& wires,
                      const std::vector<double>& volts, const hw::CellLaw& law,
                      const hw::NodeVoltages& voltages) {
  const int64_t m = array.rows, n = array.columns;
  const auto top = [&](int64_t i, int64_t j) {
    return voltages.top[size_t(i * n + j)];
  };
  const auto bottom = [&](int64_t i, int64_t j) {
    return voltages.bottom[size_t(i * n + j)];
  };
  double worst = 0;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const double cell =
          law(array.siemens[size_t(i * n + j)], top(i, j) - bottom(i, j))
              .ampere;
      double above = j == 0 ? (volts[size_t(i)] - top(i, j)) / wires.r_source
                            : (top(i, j - 1) - top(i, j)) / wires.r_row;
      if (j + 1 < n) above -= (top(i, j) - top(i, j + 1)) / wires.r_row;
      double below = i + 1 == m
                         ? bottom(i, j) / wires.r_load
                         : (bottom(i, j) - bottom(i + 1, j)) / wires.r_column;
      if (i > 0) below -= (bottom(i - 1, j) - bottom(i, j)) / wires.r_column;
      worst =
          Worse(Worse(worst, std::fabs(above - cell)), std::fabs(below - cell));
    }
  }
  return worst;
}

TEST_CASE("wires: cells that are not linear balance at every node") {
  const CellMatrix array = HalfGaussianArray(16, 12, Key(9));
  const Wires wires{28, 17, 4, 50};
  std::vector<double> volts = Normals(16, Key(10));
  for (double& v : volts) v *= 0.2;
  for (const hw::CellLaw& law :
       {hw::CellLaw(hw::MiloCell), hw::SinhCell(0.1)}) {
    const auto result =
        hw::Iterate(array, wires, volts, law, {.tolerance = 1e-13});
    CHECK(result.converged);
    CHECK(WorstImbalance(array, wires, volts, law, result.voltages) <= 1e-13);
    CHECK(RmsError(hw::Iterate(array, wires, volts).currents, result.currents) >
          1e-3);
  }
}

TEST_CASE("wires: the slope of a cell law is its derivative") {
  for (const hw::CellLaw& law :
       {hw::CellLaw(hw::MiloCell), hw::SinhCell(0.3)}) {
    for (const double g : {1e-6, 80e-6, 300e-6}) {
      CHECK(law(g, 0).ampere == 0);
      CHECK(law(g, 0).slope == Near(g, 1e-9));
      for (const double v : {-0.4, 0.1, 0.5}) {
        const double step = 1e-5;
        const double slope =
            (law(g, v + step).ampere - law(g, v - step).ampere) / (2 * step);
        CHECK(law(g, v).slope == Near(slope, 1e-7));
      }
    }
  }
}

TEST_CASE("wires: iterating says what it cannot take") {
  const CellMatrix array = RandomArray(2, 3, Key(11));
  const std::vector<double> volts{1, 2};
  CHECK_THROWS_WITH_AS(hw::Iterate(array, {}, std::vector<double>{1}),
                       doctest::Contains("each of 2 rows, got 1"), Error);
  CHECK_THROWS_WITH_AS(hw::Iterate(array, {}, volts, {.tolerance = 0}),
                       doctest::Contains("tolerance above 0"), Error);
  const hw::NodeVoltages wrong{{1}, {1}};
  CHECK_THROWS_WITH_AS(hw::Iterate(array, {}, volts, {}, &wrong),
                       doctest::Contains("voltages of 6 cells"), Error);
  CHECK_THROWS_WITH_AS(hw::SinhCell(0), doctest::Contains("above 0 volt"),
                       Error);
  const hw::CellLaw falling = [](double g, double v) -> hw::CellPoint {
    return {-g * v, -g};
  };
  CHECK_THROWS_WITH_AS(hw::Iterate(array, {}, volts, falling),
                       doctest::Contains("slope of at least 0"), Error);
}

}  // namespace
}  // namespace ohm::test
