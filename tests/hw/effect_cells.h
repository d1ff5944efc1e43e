// Cells for tests of device effects, and statistics of what becomes of them.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "hw/effects/device.h"
#include "hw/effects/effect.h"
#include "tests/support/near.h"

namespace ohm::test {

// PytorX's cells: 3 kohm to 3 Mohm, 7 bits.
inline hw::CellWindow PytorxWindow() {
  hw::CellWindow window{.g_min = 1 / 3e6, .g_max = 1 / 3e3, .volt = 1.65};
  window.g_step = window.range() / 127;
  return window;
}

// 0 to g_max siemens.
inline hw::CellWindow WindowTo(double g_max) {
  return {.g_min = 0, .g_max = g_max, .g_step = g_max / 127, .volt = 1};
}

inline hw::CellArray CellsAt(double g, int64_t rows, int64_t columns,
                             const hw::CellWindow& window) {
  return hw::MakeCells(rows, columns, window,
                       std::vector<double>(size_t(rows * columns), g));
}

// All of the window, ends included, in steps.
inline hw::CellArray SpreadCells(int64_t rows, int64_t columns) {
  const hw::CellWindow window = PytorxWindow();
  std::vector<double> target(size_t(rows * columns));
  for (size_t i = 0; i < target.size(); ++i) {
    target[i] = std::lerp(window.g_min, window.g_max,
                          double(i) / double(target.size() - 1));
  }
  return hw::MakeCells(rows, columns, window, target);
}

inline void ApplyAll(const hw::DeviceSpec& device, const Key& array,
                     hw::CellArray* cells) {
  for (const auto stage :
       {hw::Stage::kProgramming, hw::Stage::kTime, hw::Stage::kRead}) {
    hw::ApplyEffects(device, stage, array, cells);
  }
}

inline bool Same(const hw::CellArray& a, const hw::CellArray& b) {
  return a.g == b.g && a.fault == b.fault && a.constant == b.constant &&
         a.per_volt == b.per_volt && a.per_volt2 == b.per_volt2;
}

struct Moments {
  double mean = 0, std = 0;
};

inline Moments MomentsOf(const std::vector<double>& values) {
  const auto n = double(values.size());
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  for (const double v : values) squares += (v - sum / n) * (v - sum / n);
  return {sum / n, std::sqrt(squares / (n - 1))};
}

// That Gaussian draws have this mean and deviation, each within 5 of its own
// deviations.
inline void CheckNormal(const std::vector<double>& values, double mean,
                        double std) {
  const auto n = double(values.size());
  const Moments found = MomentsOf(values);
  CHECK(std::abs(found.mean - mean) <= 5 * std / std::sqrt(n));
  CHECK(std::abs(found.std - std) <= 5 * std / std::sqrt(2 * n));
}

}  // namespace ohm::test
