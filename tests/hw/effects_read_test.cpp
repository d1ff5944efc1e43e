#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "hw/effects/device.h"
#include "hw/effects/effect.h"
#include "tests/hw/effect_cells.h"
#include "tests/support/near.h"

namespace ohm::test {
namespace {

using hw::DeviceSpec;
using hw::Stage;

hw::CellArray Read(const DeviceSpec& device, hw::CellArray cells) {
  hw::ApplyEffects(device, Stage::kRead, Key(1), &cells);
  return cells;
}

TEST_CASE("effects: thermal and shot noise, by hand and as PytorX has them") {
  DeviceSpec device;
  device.thermal_noise.on = device.shot_noise.on = true;
  const hw::CellArray cells = Read(device, CellsAt(1e-4, 2, 3, PytorxWindow()));
  for (size_t i = 0; i < 6; ++i) {
    CHECK(cells.constant[i] == Near(1.6567788e-17, 1e-9));
    CHECK(cells.per_volt[i] == Near(3.204353268e-16, 1e-9));
    CHECK(cells.per_volt2[i] == 0);
  }
  // s_G^2 = G f (4 k T + 2 q V) / V^2: 8e-9 and 2.5e-8 S at 0.5 V.
  const double volt = 0.5;
  CHECK(std::sqrt(cells.constant[0]) / volt ==
        Near(8.14e-9, 1e-9).epsilon(1e-3));
  CHECK(std::sqrt(cells.per_volt[0] * volt) / volt ==
        Near(2.53e-8, 1e-9).epsilon(1e-3));
  const double pytorx = 1e-4 * 10e6 *
                        (4 * 1.380649e-23 * 300 + 2 * 1.602176634e-19 * volt) /
                        (volt * volt);
  CHECK((cells.constant[0] + cells.per_volt[0] * volt) / (volt * volt) ==
        Near(pytorx, 1e-9).epsilon(1e-12));
  device.conditions.kelvin = 600;
  device.conditions.hertz = 30e6;
  const hw::CellArray other = Read(device, cells);
  CHECK(other.constant[0] == Near(6 * cells.constant[0], 1e-9));
  CHECK(other.per_volt[0] == Near(3 * cells.per_volt[0], 1e-9));
}

TEST_CASE("effects: the two states of telegraph noise, at every conductance") {
  const hw::TelegraphNoise noise{.on = true, .occupancy = 0.3};
  const auto difference = [&](double g) {
    const hw::TelegraphStates states = hw::StatesOf(noise, g);
    return 1 - states.low / states.high;
  };
  // dR/R = b + a R; the fit's 0.2 % at 3 kohm and 50 % at 3 Mohm.
  CHECK(difference(1 / 3e3) == Near(0.0019986, 1e-9));
  CHECK(difference(1 / 3e6) == Near(0.5001, 1e-9));
  CHECK(difference(1 / 6e6) == Near(0.9, 1e-9));
  for (double g = 1e-30; g < 10; g *= 1.07) {
    const hw::TelegraphStates states = hw::StatesOf(noise, g);
    REQUIRE(std::isfinite(states.high));
    REQUIRE((states.low > 0 && states.low < states.high));
    REQUIRE(states.high <= g / 0.3);
    REQUIRE(0.3 * states.high + 0.7 * states.low ==
            Near(g, 1e-9).epsilon(1e-12));
    REQUIRE(std::isfinite(hw::TelegraphVariance(noise, g)));
  }
  CHECK(hw::StatesOf(noise, 0).high == 0);
  CHECK(hw::TelegraphVariance(noise, 0) == 0);
  CHECK(hw::TelegraphVariance({.on = true, .a = 0}, 0) == 0);
}

TEST_CASE("effects: reads of one telegraphing cell") {
  const hw::TelegraphNoise noise{.on = true, .occupancy = 0.3};
  const double g = 1e-6;
  const hw::TelegraphStates states = hw::StatesOf(noise, g);
  const int n = 40000;
  int high = 0;
  double sum = 0, squares = 0;
  for (uint64_t read = 0; read < n; ++read) {
    const double now = hw::SampleTelegraph(noise, g, Key(2).Child(read), 7);
    REQUIRE((now == states.low || now == states.high));
    high += now == states.high ? 1 : 0;
    sum += now;
    squares += (now - g) * (now - g);
  }
  CHECK(std::abs(high - 0.3 * n) < 5 * std::sqrt(0.3 * 0.7 * n));
  const double variance = hw::TelegraphVariance(noise, g);
  CHECK(std::abs(sum / n - g) < 5 * std::sqrt(variance / n));  // zero mean
  // The square deviation is one of two values, 0.49 and 0.09 of (high - low)^2.
  const double step = states.high - states.low;
  CHECK(variance == Near(0.21 * step * step, 1e-9));
  CHECK(std::abs(squares / n - variance) <
        5 * 0.4 * step * step * std::sqrt(0.21 / n));
}

TEST_CASE("effects: a column's variance is that of its cells' exact reads") {
  DeviceSpec device;
  device.telegraph_noise.on = true;
  const hw::CellArray cells = Read(device, SpreadCells(48, 1));
  std::vector<double> volts;
  double variance = 0, mean = 0;
  for (size_t i = 0; i < 48; ++i) {
    volts.push_back(Key(3).Uniform(i) - 0.5);
    variance += cells.per_volt2[i] * volts[i] * volts[i];
    mean += cells.g[i] * volts[i];
  }
  std::vector<double> currents;
  for (uint64_t read = 0; read < 4000; ++read) {
    const Key key = Key(4).Child(read);
    double current = 0;
    for (size_t i = 0; i < 48; ++i) {
      current += volts[i] * hw::SampleTelegraph(device.telegraph_noise,
                                                cells.g[i], key, i);
    }
    currents.push_back(current);
  }
  CheckNormal(currents, mean, std::sqrt(variance));  // n = 4000
}

TEST_CASE("effects: flicker noise at points computed by hand") {
  const hw::FlickerNoise noise{.on = true};
  CHECK(hw::FlickerQ(noise, 1) == Near(0.0088, 1e-9));
  CHECK(hw::FlickerQ(noise, 0.1) == Near(0.0393081561, 1e-9));
  CHECK(hw::FlickerQ(noise, 0) == 0.2);
  CHECK(hw::FlickerSigma(noise, 1, 20) == Near(0.0368178, 1e-9).epsilon(1e-5));
  CHECK(hw::FlickerSigma(noise, 1, 1e-9) == 0);
  // Qs of what was programmed, times what is there at the time of the read.
  DeviceSpec device;
  device.flicker_noise.on = true;
  device.conditions.seconds = 980;
  hw::CellArray cells = CellsAt(0.1, 1, 1, WindowTo(1));
  cells.g[0] = 0.05;
  cells = Read(device, cells);
  const double sigma = 0.05 * 0.0393081561 * std::sqrt(std::log(2e9 + 0.5));
  CHECK(cells.per_volt2[0] == Near(sigma * sigma, 1e-9).epsilon(1e-6));
}

TEST_CASE("effects: read noise alike for all cells and in proportion") {
  DeviceSpec device;
  device.read_noise = {.sigma = 0.01, .sigma_of_g = 0.02};
  const hw::CellArray cells = Read(device, CellsAt(0.5, 1, 2, WindowTo(2)));
  CHECK(cells.per_volt2[1] == Near(0.02 * 0.02 + 0.01 * 0.01, 1e-9));
  CHECK(cells.constant[1] == 0);
}

TEST_CASE("effects: noises add up as variances, and anew in each stage") {
  DeviceSpec telegraph, flicker, both;
  telegraph.telegraph_noise.on = both.telegraph_noise.on = true;
  flicker.flicker_noise.on = both.flicker_noise.on = true;
  const hw::CellArray cells = SpreadCells(5, 5);
  const hw::CellArray a = Read(telegraph, cells), b = Read(flicker, cells);
  hw::CellArray sum = Read(both, cells);
  for (size_t i = 0; i < sum.g.size(); ++i) {
    REQUIRE(sum.per_volt2[i] ==
            Near(a.per_volt2[i] + b.per_volt2[i], 1e-9).epsilon(1e-12));
  }
  CHECK(Same(Read(both, sum), sum));
  CHECK(Read(DeviceSpec(), sum).per_volt2.empty());
}

}  // namespace
}  // namespace ohm::test
