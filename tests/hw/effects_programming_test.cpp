#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "hw/effects/device.h"
#include "hw/effects/effect.h"
#include "tests/hw/effect_cells.h"
#include "tests/support/near.h"

namespace ohm::test {
namespace {

using hw::DeviceSpec;
using hw::Fault;
using hw::Stage;
using hw::WriteLaw;

constexpr double kMicro = 1e-6;

TEST_CASE("effects: levels are equidistant, from g_min to g_max") {
  DeviceSpec device;
  device.levels.count = 4;
  hw::CellArray cells = SpreadCells(30, 31);
  const hw::CellWindow window = cells.window;
  hw::ApplyEffects(device, Stage::kProgramming, Key(1), &cells);
  const std::set<double> levels(cells.g.begin(), cells.g.end());
  REQUIRE(levels.size() == 4);
  CHECK(*levels.begin() == window.g_min);
  CHECK(*levels.rbegin() == window.g_max);
  for (size_t i = 0; i < cells.g.size(); ++i) {
    REQUIRE(std::abs(cells.g[i] - cells.target[i]) <=
            window.range() / 6 * (1 + 1e-12));
    REQUIRE(hw::NearestLevel(cells.g[i], 4, window) == cells.g[i]);
  }
  CHECK(hw::NearestLevel(2 * window.g_max, 4, window) == window.g_max);
}

struct LawPoint {
  WriteLaw law;
  double g_max, g, sigma;  // uS; by hand from the published formula
};

const std::vector<LawPoint>& LawPoints() {
  static const std::vector<LawPoint> points = {
      {WriteLaw::kReramWan1s, 40, 20, 2.0229375},
      {WriteLaw::kReramWan1s, 40, 40, 1.103},
      {WriteLaw::kReramWan1Day, 40, 20, 3.909},
      {WriteLaw::kReramWan1Day, 40, 40, 2.651},
      {WriteLaw::kReramWan2Days, 40, 20, 3.929125},
      {WriteLaw::kReramWan2Days, 40, 40, 2.677},
      {WriteLaw::kReramWanCubic, 39.26, 20, 2.3618},
      {WriteLaw::kReramMilo, 225, 100, 3.8716},
      {WriteLaw::kReramCmo2, 88.2, 50, 0.57572},
      {WriteLaw::kReramCmo02, 88.2, 50, 0.05431},
      {WriteLaw::kPcm, 25, 12.5, 0.952705},
      {WriteLaw::kPcm, 25, 25, 1.05538},
      {WriteLaw::kPcmJoshi, 25, 10, 0.866193},
      {WriteLaw::kHermes2, 20.7, 10.35, 0.991},
      {WriteLaw::kHermes1, 10.35, 5.175, 0.86525},
  };
  return points;
}

TEST_CASE("effects: published laws of writing at points computed by hand") {
  std::set<WriteLaw> seen;
  for (const LawPoint& p : LawPoints()) {
    INFO("law ", int(p.law), " at ", p.g, " uS");
    seen.insert(p.law);
    const hw::WriteError error{p.law, 0};
    CHECK(hw::WriteSigma(error, p.g * kMicro, WindowTo(p.g_max * kMicro)) ==
          Near(p.sigma * kMicro, 1e-9));
    // The same share of another g_max, in its scale.
    CHECK(hw::WriteSigma(error, p.g * 8 * kMicro,
                         WindowTo(p.g_max * 8 * kMicro)) ==
          Near(p.sigma * 8 * kMicro, 1e-9));
    for (double x = 0; x <= 2; x += 0.01) {
      const double sigma = hw::WriteSigma(error, x, WindowTo(1));
      REQUIRE((sigma >= 0 && sigma < 0.2));
    }
  }
  // All from the first published one to the last.
  CHECK(int(seen.size()) ==
        int(WriteLaw::kHermes1) - int(WriteLaw::kReramWan1s) + 1);
}

TEST_CASE("effects: generic laws of writing") {
  const hw::CellWindow window = PytorxWindow();
  const double g = window.g_max / 4;
  const auto sigma = [&](WriteLaw law) {
    return hw::WriteSigma({law, 0.02}, g, window);
  };
  CHECK(sigma(WriteLaw::kNone) == 0);
  CHECK(sigma(WriteLaw::kConstant) ==
        Near(0.02 * (window.g_max - window.g_min), 1e-9));
  CHECK(sigma(WriteLaw::kProportional) == Near(0.02 * window.g_max / 4, 1e-9));
  CHECK(sigma(WriteLaw::kInverse) == Near(0.02 * window.g_max * 4, 1e-9));
  CHECK(sigma(WriteLaw::kPytorx) == Near(window.range() / 127 / 3, 1e-9));
  CHECK(hw::WriteSigma({WriteLaw::kInverse, 0.02}, 0, window) == 0);
}

TEST_CASE("effects: errors of writing have the mean and deviation asked for") {
  // n = 10000 cells; 5 deviations of each law fit above 0.
  for (const LawPoint& p : LawPoints()) {
    INFO("law ", int(p.law), " at ", p.g, " uS");
    DeviceSpec device;
    device.write_error.law = p.law;
    hw::CellArray cells =
        CellsAt(p.g * kMicro, 100, 100, WindowTo(p.g_max * kMicro));
    hw::ApplyEffects(device, Stage::kProgramming, Key(2), &cells);
    CheckNormal(cells.g, p.g * kMicro, p.sigma * kMicro);
  }
}

TEST_CASE("effects: no write makes a conductance negative") {
  DeviceSpec device;
  device.write_error = {WriteLaw::kConstant, 0.1};
  hw::CellArray cells = CellsAt(0, 100, 100, WindowTo(1));
  hw::ApplyEffects(device, Stage::kProgramming, Key(3), &cells);
  int64_t zeros = 0;
  for (const double g : cells.g) {
    REQUIRE(g >= 0);
    zeros += g == 0 ? 1 : 0;
  }
  CHECK(std::abs(double(zeros) - 5000) < 5 * 50);
}

TEST_CASE("effects: variation is lognormal and keeps the mean conductance") {
  const double sigma = 0.5;
  DeviceSpec device;
  device.variation.sigma = sigma;
  hw::CellArray cells = CellsAt(1e-4, 200, 200, PytorxWindow());
  hw::ApplyEffects(device, Stage::kProgramming, Key(4), &cells);
  std::vector<double> logs;
  for (const double g : cells.g) logs.push_back(std::log(g / 1e-4));
  CheckNormal(logs, -sigma * sigma / 2, sigma);  // n = 40000
  // Uncompensated the mean would be 13 % more, 50 deviations of it.
  const double deviation = 1e-4 * std::sqrt(std::expm1(sigma * sigma));
  CHECK(std::abs(MomentsOf(cells.g).mean - 1e-4) < 5 * deviation / 200);
}

hw::CellArray Stuck(const hw::StuckAt& stuck, const Key& array, int64_t rows,
                    int64_t columns) {
  DeviceSpec device;
  device.stuck_at = stuck;
  hw::CellArray cells = CellsAt(1e-4, rows, columns, PytorxWindow());
  hw::ApplyEffects(device, Stage::kProgramming, array, &cells);
  return cells;
}

double ShareOf(Fault fault, const hw::CellArray& cells) {
  const auto count = std::count(cells.fault.begin(), cells.fault.end(), fault);
  return double(count) / double(cells.count());
}

// Correlation of being stuck between a cell and its neighbour to the right.
double NeighbourCorrelation(const hw::CellArray& cells) {
  double both = 0, pairs = 0;
  for (size_t i = 0; i + 1 < cells.fault.size(); ++i) {
    if ((i + 1) % size_t(cells.columns) == 0) continue;
    ++pairs;
    both += cells.fault[i] != Fault::kNone && cells.fault[i + 1] != Fault::kNone
                ? 1
                : 0;
  }
  const double p = 1 - ShareOf(Fault::kNone, cells);
  return (both / pairs - p * p) / (p * (1 - p));
}

TEST_CASE("effects: single stuck cells have the rates asked for") {
  // Rates of Chen, IEEE TC 2015; n = 90000.
  const hw::StuckAt stuck{.gmax = 0.0175, .gmin = 0.0904};
  const hw::CellArray cells = Stuck(stuck, Key(5), 300, 300);
  const auto deviation = [](double p) { return std::sqrt(p * (1 - p)) / 300; };
  CHECK(std::abs(ShareOf(Fault::kAtGMax, cells) - 0.0175) <
        5 * deviation(0.0175));
  CHECK(std::abs(ShareOf(Fault::kAtGMin, cells) - 0.0904) <
        5 * deviation(0.0904));
  CHECK(std::abs(NeighbourCorrelation(cells)) < 5.0 / 300);
  const hw::CellWindow window = cells.window;
  for (size_t i = 0; i < cells.g.size(); ++i) {
    const double g = cells.fault[i] == Fault::kNone     ? 1e-4
                     : cells.fault[i] == Fault::kAtGMax ? window.g_max
                                                        : window.g_min;
    REQUIRE(cells.g[i] == g);
    const double u = Key(5).Child("stuck_at").Uniform(i);
    REQUIRE((cells.fault[i] == Fault::kAtGMax) == (u < 0.0175));
    REQUIRE((cells.fault[i] == Fault::kAtGMin) == (u >= 1 - 0.0904));
  }
  CHECK(ShareOf(Fault::kAtGMax, Stuck({.gmax = 1}, Key(5), 30, 30)) == 1);
  CHECK(ShareOf(Fault::kAtGMin, Stuck({.gmin = 1}, Key(5), 30, 30)) == 1);
}

TEST_CASE("effects: clusters have the same rates and cells that neighbour") {
  for (const double size : {2.5, 9.0}) {
    INFO("cluster ", size);
    const hw::StuckAt stuck{.gmax = 0.05, .gmin = 0.1, .cluster = size};
    const hw::CellArray cells = Stuck(stuck, Key(6), 300, 300);
    // Cells of a cluster are one draw: n = 90000 / size at least.
    const auto deviation = [=](double p) {
      return std::sqrt(p * (1 - p) * (size + 1)) / 300;
    };
    CHECK(std::abs(ShareOf(Fault::kAtGMax, cells) - 0.05) <
          5 * deviation(0.05));
    CHECK(std::abs(ShareOf(Fault::kAtGMin, cells) - 0.1) < 5 * deviation(0.1));
    CHECK(NeighbourCorrelation(cells) > (size > 5 ? 0.4 : 0.15));
  }
  CHECK(ShareOf(Fault::kAtGMin,
                Stuck({.gmin = 1, .cluster = 4}, Key(6), 30, 30)) == 1);
}

TEST_CASE("effects: clusters are as frequent at edges, and share overlaps") {
  const auto deviation = [](double p, double size, double n) {
    return std::sqrt(p * (1 - p) * (size + 1) / n);
  };
  // Many of the clusters that reach a narrow array begin outside it.
  const hw::StuckAt wide{.gmin = 0.2, .cluster = 25};
  for (const int64_t rows : {2, 80000}) {
    const hw::CellArray narrow = Stuck(wide, Key(9), rows, 160000 / rows);
    CHECK(std::abs(ShareOf(Fault::kAtGMin, narrow) - 0.2) <
          5 * deviation(0.2, 25, 160000));
  }
  const hw::StuckAt dense{.gmax = 0.4, .gmin = 0.4, .cluster = 6};
  const hw::CellArray cells = Stuck(dense, Key(9), 200, 200);
  for (const Fault fault : {Fault::kAtGMax, Fault::kAtGMin}) {
    CHECK(std::abs(ShareOf(fault, cells) - 0.4) < 5 * deviation(0.4, 6, 40000));
  }
}

TEST_CASE("effects: a cluster is connected") {
  const hw::CellArray cells =
      Stuck({.gmax = 0.05, .cluster = 6}, Key(7), 100, 100);
  const auto stuck = [&](int64_t r, int64_t c) {
    return cells.fault[size_t(r * 100 + c)] == Fault::kAtGMax;
  };
  int64_t found = 0;
  for (int64_t r = 1; r < 99; ++r) {
    for (int64_t c = 1; c < 99; ++c) {
      if (!stuck(r, c)) continue;
      ++found;
      REQUIRE((stuck(r - 1, c) || stuck(r + 1, c) || stuck(r, c - 1) ||
               stuck(r, c + 1)));
    }
  }
  CHECK(found > 200);
}

TEST_CASE("effects: a cell is as often in clusters as its rate says") {
  CHECK(hw::ClusterRate(0.3, 1) == 0.3);
  const double q = hw::ClusterRate(0.3, 2.5);
  CHECK(1 - (1 - q) * (1 - q) * (1 - q / 2) == Near(0.3, 1e-9).epsilon(1e-12));
  CHECK(hw::ClusterRate(0.3, 4) ==
        Near(1 - std::pow(0.7, 0.25), 1e-9).epsilon(1e-12));
}

TEST_CASE("effects: whole rows and columns are stuck") {
  const auto share = [](const std::vector<bool>& lines) {
    return double(std::count(lines.begin(), lines.end(), true)) /
           double(lines.size());
  };
  for (const auto at : {hw::LineFault::kAtGMin, hw::LineFault::kAtGMax}) {
    const hw::CellArray cells =
        Stuck({.rows = 0.2, .columns = 0.2, .lines = at}, Key(8), 400, 400);
    const Fault fault =
        at == hw::LineFault::kAtGMin ? Fault::kAtGMin : Fault::kAtGMax;
    std::vector<bool> rows(400, true), columns(400, true);
    for (size_t i = 0; i < cells.fault.size(); ++i) {
      if (cells.fault[i] == fault) continue;
      REQUIRE(cells.fault[i] == Fault::kNone);
      rows[i / 400] = columns[i % 400] = false;
    }
    for (size_t i = 0; i < cells.fault.size(); ++i) {
      const bool line = rows[i / 400] || columns[i % 400];
      REQUIRE((cells.fault[i] == fault) == line);
    }
    // n = 400.
    CHECK(std::abs(share(rows) - 0.2) < 5 * std::sqrt(0.2 * 0.8 / 400));
    CHECK(std::abs(share(columns) - 0.2) < 5 * std::sqrt(0.2 * 0.8 / 400));
    CHECK(rows != columns);
  }
}

}  // namespace
}  // namespace ohm::test
