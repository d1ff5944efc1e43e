// Arrays with resistive wires: one array on one thread, with and without its
// derivatives, and all arrays of a network on all threads. Every result is
// checked before it is timed.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bench/bench.h"
#include "bench/register_loops.h"
#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/base/random.h"
#include "hw/wires/effective.h"
#include "hw/wires/iterative.h"
#include "nn/crossbar_policy.h"
#include "nn/models/model.h"

namespace ohm::bench {
namespace {

constexpr hw::Wires kWires{2.67, 2.67, 4, 4};  // PytorX

// One arm of differential pairs: half of the cells idle, the largest at G_max.
hw::CellMatrix HalfGaussian(int64_t side, Key key) {
  std::vector<double> normals;
  for (uint64_t c = 0; c < uint64_t(side * side); ++c) {
    normals.push_back(key.Normal(c));
  }
  double largest = 0;
  for (const double x : normals) largest = std::max(largest, std::fabs(x));
  const double g_min = 1 / 3e6, g_max = 1 / 3e3;
  hw::CellMatrix array{side, side, {}};
  for (const double x : normals) {
    array.siemens.push_back(g_min +
                            (g_max - g_min) * std::max(0.0, x / largest));
  }
  return array;
}

void CheckClose(const std::string& what, double expected, double got,
                double scale, double tolerance) {
  OHM_CHECK(std::fabs(expected - got) <= tolerance * scale,
            fmt::format("bench wires: expected {} of {:.12g}, got {:.12g}",
                        what, expected, got));
}

// Currents for one set of inputs against the iteration, which shares nothing
// with the elimination but the ladders.
void CheckCurrents(const hw::CellMatrix& array,
                   const std::vector<double>& effective) {
  std::vector<double> volts;
  for (int64_t i = 0; i < array.rows; ++i) {
    volts.push_back(Key(2).Normal(uint64_t(i)));
  }
  const auto expected =
      hw::Iterate(array, kWires, volts, {.tolerance = 1e-11}).currents;
  double scale = 0;
  for (const double ampere : expected) {
    scale = std::max(scale, std::fabs(ampere));
  }
  for (int64_t j = 0; j < array.columns; ++j) {
    double current = 0;
    for (int64_t i = 0; i < array.rows; ++i) {
      current += volts[size_t(i)] * effective[size_t(i * array.columns + j)];
    }
    CheckClose("a current", expected[size_t(j)], current, scale, 1e-8);
  }
}

// Along G itself, by central differences of all conductances at once; the
// sensitivity against the gradient of one entry.
void CheckDerivatives(const hw::CellMatrix& array) {
  const hw::SolvedArray solved(array, kWires);
  const auto cells = array.siemens.size();
  const auto gradient = solved.Gradient(std::vector<double>(cells, 1.0));
  const auto sum_at = [&](double factor) {
    hw::CellMatrix scaled = array;
    for (double& g : scaled.siemens) g *= factor;
    double sum = 0;
    for (const double g : hw::EffectiveConductance(scaled, kWires)) sum += g;
    return sum;
  };
  const double step = 1e-4;
  const double expected = (sum_at(1 + step) - sum_at(1 - step)) / (2 * step);
  double got = 0;
  for (size_t c = 0; c < cells; ++c) got += gradient[c] * array.siemens[c];
  CheckClose("a derivative", expected, got, expected, 1e-6);
  std::vector<double> one(cells, 0.0);
  const size_t middle = cells / 2 + size_t(array.columns / 2);
  one[middle] = 1;
  CheckClose("a sensitivity", solved.Gradient(one)[middle],
             solved.Sensitivity()[middle], 1, 1e-10);
}

// fp64 multiply-adds in registers of one thread, GFLOP/s.
double Peak() {
  const RegisterLoop loop = F64Loop();
  constexpr int64_t kRounds = 2000000;
  const Timing timing = Measure(
      [&] {
        OHM_CHECK(loop.run(kRounds) == loop.expected(kRounds),
                  "bench wires: the roofline loop miscounts");
      },
      0.3);
  return 1e-6 * double(kRounds) * loop.flop_per_round / timing.min_ms;
}

struct Case {
  std::string name;
  double gflop;
  int threads;
  std::function<void()> check, run;
};

std::vector<Case> OneArrayCases(int64_t side) {
  const hw::CellMatrix array = HalfGaussian(side, Key(1));
  const double product = 2e-9 * std::pow(double(side), 4.0);
  const std::string size = fmt::format("{0} x {0}", side);
  const auto check = [array] { CheckDerivatives(array); };
  return {{size, product, 1,
           [array] {
             CheckCurrents(array, hw::EffectiveConductance(array, kWires));
           },
           [array] { hw::EffectiveConductance(array, kWires); }},
          {size + " with sensitivity", 2.5 * product, 1, check,
           [array] { hw::SolvedArray(array, kWires).Sensitivity(); }},
          {size + " with gradient", 3 * product, 1, check, [array] {
             hw::SolvedArray(array, kWires).Gradient(array.siemens);
           }}};
}

// As many as a network takes, both arms.
Case NetworkCase(const std::string& name, int threads) {
  constexpr int64_t kSide = 64;
  hw::CrossbarSpec spec;
  spec.rows = spec.columns = int(kSide);
  const auto model = nn::MakeModel({.name = name}, Key(1));
  nn::MapToCrossbar(model.get(), nn::EveryLeaf, spec);
  int64_t count = 0;
  for (const auto& leaf : nn::CrossbarLeaves(model.get())) {
    count += leaf.Report().arrays;
  }
  std::vector<hw::CellMatrix> arrays;
  for (int64_t a = 0; a < count; ++a) {
    arrays.push_back(HalfGaussian(kSide, Key(3).Child(uint64_t(a))));
  }
  return {fmt::format("{}, {} arrays of 64 x 64", name, count),
          2e-9 * std::pow(double(kSide), 4.0) * double(count), threads,
          [arrays] {
            const auto all = hw::EffectiveConductances(arrays, kWires);
            CheckCurrents(arrays.back(), all.back());
          },
          [arrays] { hw::EffectiveConductances(arrays, kWires); }};
}

void RunCase(const BenchOptions& options, const Case& one, double peak) {
  SetThreads(one.threads);
  one.check();
  const Timing timing = Measure(one.run, options.seconds);
  const double share =
      one.gflop / timing.median_ms * 1e3 / (peak * one.threads);
  Print(options, {.name = fmt::format("wires {}", one.name),
                  .timing = timing,
                  .items = one.gflop,
                  .unit = "GFLOP/s",
                  .note = fmt::format(
                      "{:.0f} % of the fp64 peak of {} thread{}", 100 * share,
                      one.threads, one.threads == 1 ? "" : "s"),
                  .more = {{"fp64_peak_percent", 100 * share}}});
}

}  // namespace

void BenchWires(const BenchOptions& options) {
  if (options.threads > 0) SetThreads(options.threads);
  const int threads = Threads();
  std::vector<Case> cases;
  for (const int64_t side : {32, 64, 128}) {
    std::ranges::move(OneArrayCases(side), std::back_inserter(cases));
  }
  cases.push_back(NetworkCase("resnet20", threads));
  cases.push_back(NetworkCase("resnet18", threads));
  std::vector<std::string> names;
  for (const Case& one : cases) names.push_back(one.name);
  const std::vector<size_t> selected = Select(options, "wires", names);
  const double peak = Peak();
  if (!options.json) {
    fmt::print("fp64 peak of one thread ({}, in registers): {:.1f} GFLOP/s\n",
               F64Loop().name, peak);
  }
  for (const size_t i : selected) RunCase(options, cases[i], peak);
  SetThreads(threads);
}

}  // namespace ohm::bench
