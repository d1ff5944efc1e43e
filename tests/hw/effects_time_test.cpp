#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "hw/effects/device.h"
#include "hw/effects/effect.h"
#include "tests/hw/effect_cells.h"
#include "tests/support/near.h"

namespace ohm::test {
namespace {

using hw::DeviceSpec;
using hw::Stage;

constexpr double kVoltsPerKelvin = 8.617333262e-5;  // k / q

std::vector<double> After(DeviceSpec device, double seconds,
                          hw::CellArray cells) {
  device.conditions.seconds = seconds;
  hw::ApplyEffects(device, Stage::kTime, Key(1), &cells);
  return cells.g;
}

TEST_CASE("effects: the exponents of drift at points computed by hand") {
  hw::Drift pcm;
  pcm.law = hw::DriftLaw::kPcm;
  const auto check = [&](double share, double mean, double sigma) {
    const hw::NuLaw law = hw::NuOf(pcm, share);
    CHECK(law.mean == Near(mean, 1e-9).epsilon(1e-6));
    CHECK(law.sigma == Near(sigma, 1e-9).epsilon(1e-6));
  };
  check(0, 0.1, 0.045);
  check(1e-3, 0.1, 0.045);
  check(0.1, 0.0600900690, 0.0228823137);
  check(0.25, 0.049, 0.0114286795);
  check(1, 0.049, 0.008);
  CHECK(hw::DriftFactor(0.06, 20, 180) ==
        Near(0.870963590, 1e-9).epsilon(1e-8));
  CHECK(hw::DriftFactor(0.06, 20, 0) == 1);
}

TEST_CASE("effects: conductances drift down from what was programmed") {
  for (const auto law : {hw::DriftLaw::kPowerLaw, hw::DriftLaw::kPcm}) {
    DeviceSpec device;
    device.drift.law = law;
    device.drift.nu_sigma = 0.03;
    const hw::CellArray cells = SpreadCells(30, 30);
    std::vector<double> before = cells.g;
    CHECK(After(device, 0, cells) == before);
    for (const double seconds : {1e-3, 1.0, 60.0, 3600.0, 1e6, 1e9}) {
      const std::vector<double> now = After(device, seconds, cells);
      for (size_t i = 0; i < now.size(); ++i) {
        REQUIRE((now[i] > 0 && now[i] < before[i]));
      }
      before = now;
    }
  }
}

TEST_CASE("effects: each cell drifts with an exponent of its own") {
  // n = 22500; ten times t0.
  const auto exponents = [](const DeviceSpec& device, double target,
                            double seconds, double decades) {
    hw::CellArray cells = CellsAt(target, 150, 150, WindowTo(1));
    cells.programmed.assign(cells.g.size(), 1.0);
    std::vector<double> nu;
    for (const double g : After(device, seconds, cells)) {
      nu.push_back(-std::log10(g) / decades);
    }
    return nu;
  };
  DeviceSpec device;
  device.drift = {.law = hw::DriftLaw::kPowerLaw, .nu = 0.06, .nu_sigma = 0.01};
  const std::vector<double> nu = exponents(device, 1, 180, 1);
  CheckNormal(nu, 0.06, 0.01);
  const std::vector<double> later = exponents(device, 1, 1980, 2);
  for (size_t i = 0; i < nu.size(); ++i) {
    REQUIRE(later[i] == Near(nu[i], 1e-9));
  }
  device.drift.law = hw::DriftLaw::kPcm;
  CheckNormal(exponents(device, 1, 180, 1), 0.049, 0.008);
  CheckNormal(exponents(device, 0.25, 180, 1), 0.049, 0.0114286795);
}

TEST_CASE("effects: relaxation of CMO/HfOx cells") {
  // Of 88.2 uS devices after e^10 s, and of others in their scale.
  const double seconds = std::exp(10.0);
  const hw::Relaxation ten = hw::RelaxationOf(seconds, 88.2e-6);
  CHECK(ten.mean == Near(-0.890e-6, 1e-9));
  CHECK(ten.sigma == Near(0.8318e-6, 1e-9));
  CHECK(hw::RelaxationOf(seconds, 44.1e-6).mean == Near(-0.445e-6, 1e-9));
  CHECK(hw::RelaxationOf(1e-9, 88.2e-6).mean == 0);
  CHECK(hw::RelaxationOf(1e-9, 88.2e-6).sigma == Near(0.4118e-6, 1e-9));
  // n = 22500.
  DeviceSpec device;
  device.retention.law = hw::RetentionLaw::kReramCmo;
  const hw::CellArray cells = CellsAt(50e-6, 150, 150, WindowTo(88.2e-6));
  CheckNormal(After(device, seconds, cells), 49.11e-6, 0.8318e-6);
  CHECK(After(device, 0, cells) == cells.g);
  for (const double g : After(device, 1e9, SpreadCells(20, 20))) {
    REQUIRE(g >= 0);
  }
}

TEST_CASE("effects: cells decay to g_min, the faster the warmer") {
  DeviceSpec device;
  hw::Retention& retention = device.retention;
  retention.law = hw::RetentionLaw::kArrhenius;
  const double tr = hw::TimeConstant(retention, 300);
  CHECK(tr == Near(1e-13 * std::exp(1.3 / (kVoltsPerKelvin * 300)), 1e-9)
                  .epsilon(1e-6));
  CHECK(hw::TimeConstant(retention, 400) ==
        Near(1e-13 * std::exp(1.3 / (kVoltsPerKelvin * 400)), 1e-9)
            .epsilon(1e-6));
  const hw::CellArray cells = SpreadCells(20, 20);
  const hw::CellWindow window = cells.window;
  std::vector<double> before = cells.g;
  for (const double share : {1e-6, 0.1, 1.0, 3.0}) {
    const std::vector<double> now = After(device, share * tr, cells);
    for (size_t i = 0; i < now.size(); ++i) {
      REQUIRE(now[i] - window.g_min ==
              Near((cells.g[i] - window.g_min) * std::exp(-share), 1e-9)
                  .scale(window.g_max));
      REQUIRE((now[i] < before[i] || i == 0));
    }
    before = now;
  }
  for (const double g : After(device, 1e3 * tr, cells)) {
    REQUIRE(g == window.g_min);
  }
}

TEST_CASE("effects: temperature raises high resistances' conductance") {
  const hw::Temperature temperature{.alpha = 2e-3, .ea = 0.1};
  const double low = 1 / 1.1;
  const double high = std::exp(0.1 / kVoltsPerKelvin * (1 / 300. - 1 / 350.));
  CHECK(high == Near(1.7378, 1e-9).epsilon(1e-4));
  CHECK(hw::TemperatureFactor(temperature, 1, 350) == Near(low, 1e-9));
  CHECK(hw::TemperatureFactor(temperature, 0, 350) ==
        Near(high, 1e-9).epsilon(1e-6));
  CHECK(hw::TemperatureFactor(temperature, 0.25, 350) ==
        Near(high + 0.25 * (low - high), 1e-9).epsilon(1e-6));
  for (const double level : {0.0, 0.3, 1.0}) {
    CHECK(hw::TemperatureFactor(temperature, level, 300) == 1);
  }
  DeviceSpec device;
  device.temperature = temperature;
  device.conditions.kelvin = 350;
  const hw::CellArray cells = SpreadCells(2, 2);
  const std::vector<double> g = After(device, 0, cells);
  CHECK(g.front() == Near(high / 3e6, 1e-9).epsilon(1e-6));
  CHECK(g.back() == Near(low / 3e3, 1e-9).epsilon(1e-6));
}

TEST_CASE("effects: time leaves stuck cells where they are") {
  std::vector<DeviceSpec> devices(4);
  devices[0].drift.law = hw::DriftLaw::kPcm;
  devices[1].retention.law = hw::RetentionLaw::kReramCmo;
  devices[2].retention = {.law = hw::RetentionLaw::kArrhenius, .ea = 0.7};
  devices[3].conditions.kelvin = 350;
  for (const DeviceSpec& device : devices) {
    hw::CellArray cells = CellsAt(1e-4, 2, 1, PytorxWindow());
    cells.fault[0] = hw::Fault::kAtGMax;
    const std::vector<double> g = After(device, 1e6, cells);
    CHECK(g[0] == 1e-4);
    CHECK(g[1] != 1e-4);
  }
}

}  // namespace
}  // namespace ohm::test
