#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/check.h"
#include "core/base/file.h"
#include "hw/effects/device.h"
#include "hw/effects/effect.h"
#include "tests/hw/effect_cells.h"

namespace ohm::test {
namespace {

using hw::DeviceSpec;
using hw::Stage;
using Set = std::function<void(DeviceSpec&)>;

struct Example {
  std::string name;  // of the effect
  bool random;       // whether it draws for itself
  Set strong;        // makes it act
  Set zero;          // switched on, but of no strength
};

const std::vector<Example>& Examples() {
  static const std::vector<Example> examples = {
      {"levels", false, [](DeviceSpec& d) { d.levels.count = 5; },
       [](DeviceSpec& d) { d.levels.count = 0; }},
      {"write_error", true,
       [](DeviceSpec& d) {
         d.write_error = {hw::WriteLaw::kConstant, 0.05};
       },
       [](DeviceSpec& d) {
         d.write_error = {hw::WriteLaw::kInverse, 0};
       }},
      {"variation", true, [](DeviceSpec& d) { d.variation.sigma = 0.3; },
       [](DeviceSpec& d) { d.variation.sigma = 0; }},
      {"stuck_at", true,
       [](DeviceSpec& d) { d.stuck_at = {.gmax = 0.1, .gmin = 0.2}; },
       [](DeviceSpec& d) { d.stuck_at.cluster = 7; }},
      {"drift", true,
       [](DeviceSpec& d) {
         d.drift.law = hw::DriftLaw::kPcm;
         d.conditions.seconds = 1e4;
       },
       [](DeviceSpec& d) { d.drift.law = hw::DriftLaw::kPcm; }},
      {"retention", true,
       [](DeviceSpec& d) {
         d.retention.law = hw::RetentionLaw::kReramCmo;
         d.conditions.seconds = 1e4;
       },
       [](DeviceSpec& d) { d.retention.law = hw::RetentionLaw::kReramCmo; }},
      {"temperature", false, [](DeviceSpec& d) { d.conditions.kelvin = 350; },
       [](DeviceSpec& d) {
         d.conditions.kelvin = 350;
         d.temperature = {0, 0};
       }},
      {"thermal_noise", false, [](DeviceSpec& d) { d.thermal_noise.on = true; },
       [](DeviceSpec& d) {
         d.thermal_noise.on = true;
         d.conditions.hertz = 0;
       }},
      {"shot_noise", false, [](DeviceSpec& d) { d.shot_noise.on = true; },
       [](DeviceSpec& d) {
         d.shot_noise.on = true;
         d.conditions.hertz = 0;
       }},
      {"telegraph_noise", false,
       [](DeviceSpec& d) { d.telegraph_noise.on = true; },
       [](DeviceSpec& d) { d.telegraph_noise = {.on = true, .occupancy = 1}; }},
      {"flicker_noise", false, [](DeviceSpec& d) { d.flicker_noise.on = true; },
       [](DeviceSpec& d) { d.flicker_noise = {.on = true, .q = 0}; }},
      {"read_noise", false, [](DeviceSpec& d) { d.read_noise.sigma = 0.01; },
       [](DeviceSpec& d) {
         d.read_noise = {0, 0};
       }},
  };
  return examples;
}

const Example& ExampleOf(const hw::Effect& effect) {
  for (const Example& example : Examples()) {
    if (example.name == effect.name) return example;
  }
  FAIL("no example of the effect ", effect.name);
  return Examples().front();
}

DeviceSpec Made(const Set& set) {
  DeviceSpec device;
  set(device);
  hw::CheckDevice(device);
  return device;
}

hw::CellArray Treated(const DeviceSpec& device, const Key& array) {
  hw::CellArray cells = SpreadCells(20, 30);
  ApplyAll(device, array, &cells);
  return cells;
}

bool InUse(const hw::CellArray& cells) {
  return !cells.constant.empty() || !cells.per_volt.empty() ||
         !cells.per_volt2.empty();
}

TEST_CASE("effects: at defaults and at zero each is the identity") {
  const hw::CellArray ideal = SpreadCells(20, 30);
  std::vector<DeviceSpec> devices = {DeviceSpec()};
  for (const hw::Effect& effect : hw::Effects()) {
    devices.push_back(Made(ExampleOf(effect).zero));
  }
  for (const DeviceSpec& device : devices) {
    for (const hw::Effect& effect : hw::Effects()) {
      INFO("effect ", effect.name);
      CHECK(!effect.active(device));
    }
    CHECK(!hw::AnyEffect(device, Stage::kProgramming));
    CHECK(!hw::AnyEffect(device, Stage::kTime));
    CHECK(!hw::AnyEffect(device, Stage::kRead));
    CHECK(Same(Treated(device, Key(1)), ideal));
  }
}

TEST_CASE("effects: each acts in its stage alone and leaves sound cells") {
  const hw::CellArray ideal = SpreadCells(20, 30);
  CHECK(hw::Effects().size() == Examples().size());
  for (const hw::Effect& effect : hw::Effects()) {
    INFO("effect ", effect.name);
    const DeviceSpec device = Made(ExampleOf(effect).strong);
    for (const hw::Effect& other : hw::Effects()) {
      CHECK(other.active(device) == (&other == &effect));
    }
    CHECK(hw::AnyEffect(device, effect.stage));
    const hw::CellArray cells = Treated(device, Key(1));
    CHECK(!Same(cells, ideal));
    CHECK(cells.target == ideal.target);
    CHECK((cells.programmed != ideal.g) ==
          (effect.stage == Stage::kProgramming));
    CHECK((cells.g != cells.programmed) == (effect.stage == Stage::kTime));
    CHECK(InUse(cells) == (effect.stage == Stage::kRead));
    for (const auto* values :
         {&cells.g, &cells.constant, &cells.per_volt, &cells.per_volt2}) {
      for (const double v : *values) REQUIRE((std::isfinite(v) && v >= 0));
    }
  }
}

TEST_CASE("effects: noise adds to the noise that is there") {
  for (const hw::Effect& effect : hw::Effects()) {
    if (effect.stage != Stage::kRead) continue;
    INFO("effect ", effect.name);
    const DeviceSpec device = Made(ExampleOf(effect).strong);
    hw::CellArray once = SpreadCells(3, 4);
    effect.apply(device, Key(1), &once);
    hw::CellArray twice = once;
    effect.apply(device, Key(1), &twice);
    for (size_t i = 0; i < once.g.size(); ++i) {
      REQUIRE(twice.constant[i] == 2 * once.constant[i]);
      REQUIRE(twice.per_volt[i] == 2 * once.per_volt[i]);
      REQUIRE(twice.per_volt2[i] == 2 * once.per_volt2[i]);
    }
  }
}

TEST_CASE("effects: a key is a chip, an array and an effect") {
  for (const hw::Effect& effect : hw::Effects()) {
    INFO("effect ", effect.name);
    const Example& example = ExampleOf(effect);
    DeviceSpec device = Made(example.strong), other = device;
    other.chip = 1;
    const Key chip = hw::ChipKey(device), array = chip.Child(0);
    const hw::CellArray cells = Treated(device, array);
    CHECK(Same(cells, Treated(device, array)));
    const bool random = example.random;
    CHECK(Same(cells, Treated(device, chip.Child(1))) != random);
    CHECK(Same(cells, Treated(other, hw::ChipKey(other).Child(0))) != random);
    // With the draws of its own name, and of another effect's.
    hw::CellArray own = SpreadCells(20, 30), foreign = own;
    effect.apply(device, array.Child(effect.name), &own);
    effect.apply(device, array.Child("another"), &foreign);
    CHECK(Same(cells, own));
    CHECK(Same(cells, foreign) != random);
  }
}

DeviceSpec Everything() {
  DeviceSpec device;
  for (const Example& example : Examples()) example.strong(device);
  return device;
}

TEST_CASE("effects: arrays may be treated in any order") {
  const DeviceSpec device = Everything();
  const Key chip = hw::ChipKey(device);
  std::vector<hw::CellArray> forward, backward(5);
  for (uint64_t i = 0; i < 5; ++i) {
    forward.push_back(Treated(device, chip.Child(i)));
  }
  for (uint64_t i = 5; i-- > 0;) {
    backward[i] = Treated(device, chip.Child(i));
  }
  for (size_t i = 0; i < 5; ++i) CHECK(Same(forward[i], backward[i]));
  CHECK(!Same(forward[0], forward[1]));
}

TEST_CASE("effects: a stage done again starts from the one before") {
  DeviceSpec late = Everything(), early = late;
  early.conditions.seconds = 10;
  const Key array(3);
  hw::CellArray cells = Treated(late, array);
  CHECK(!Same(cells, Treated(early, array)));
  hw::ApplyEffects(early, Stage::kTime, array, &cells);
  hw::ApplyEffects(early, Stage::kRead, array, &cells);
  CHECK(Same(cells, Treated(early, array)));
  ApplyAll(DeviceSpec(), array, &cells);
  CHECK(Same(cells, SpreadCells(20, 30)));
}

TEST_CASE("effects: stages are in order, names unique") {
  std::set<std::string> names;
  Stage stage = Stage::kProgramming;
  for (const hw::Effect& effect : hw::Effects()) {
    CHECK(names.insert(effect.name).second);
    CHECK(effect.stage >= stage);
    CHECK(!std::string_view(effect.doc).empty());
    stage = effect.stage;
  }
}

TEST_CASE("effects: all compose in the order of the table") {
  DeviceSpec device = Everything();
  device.levels.count = 2;
  device.stuck_at = {.gmax = 0.2, .gmin = 0.2};
  hw::CellArray cells = SpreadCells(40, 50);
  const hw::CellWindow window = cells.window;
  const Key array(4);
  hw::ApplyEffects(device, Stage::kProgramming, array, &cells);
  const std::vector<double> programmed = cells.g;
  hw::ApplyEffects(device, Stage::kTime, array, &cells);
  hw::ApplyEffects(device, Stage::kRead, array, &cells);
  int stuck = 0, healthy = 0;
  for (size_t i = 0; i < cells.g.size(); ++i) {
    // Stuck cells come after errors of writing and are left alone by time.
    if (cells.fault[i] == hw::Fault::kAtGMax) {
      REQUIRE(cells.g[i] == window.g_max);
    } else if (cells.fault[i] == hw::Fault::kAtGMin) {
      REQUIRE(cells.g[i] == window.g_min);
    } else {
      // Errors come after levels, and time after errors. At 0 both are clipped.
      REQUIRE(programmed[i] != window.g_min);
      REQUIRE(programmed[i] != window.g_max);
      REQUIRE((cells.g[i] != programmed[i] || cells.g[i] == 0));
    }
    (cells.fault[i] == hw::Fault::kNone ? healthy : stuck)++;
    // Noise is of what is there at the time of the read.
    REQUIRE(cells.constant[i] ==
            hw::ThermalVariance(cells.g[i], 350, device.conditions.hertz));
  }
  CHECK(stuck > 500);
  CHECK(healthy > 500);
  // Two levels and nothing else are the ends of the window; errors come later.
  DeviceSpec plain;
  plain.levels.count = 2;
  plain.stuck_at.gmin = 0.5;
  hw::ApplyEffects(plain, Stage::kProgramming, array, &cells);
  for (const double g : cells.g) {
    REQUIRE((g == window.g_min || g == window.g_max));
  }
  plain = DeviceSpec();
  plain.levels.count = 2;
  plain.write_error = {hw::WriteLaw::kConstant, 0.01};
  hw::ApplyEffects(plain, Stage::kProgramming, array, &cells);
  for (const double g : cells.g) {
    REQUIRE((g != window.g_min && g != window.g_max));
    REQUIRE((g < 0.1 * window.g_max || g > 0.9 * window.g_max));
  }
}

struct Keys {
  std::vector<std::string>* names;
  template <typename T>
  void operator()(const char* name, T& field, const hw::FieldDoc& doc) const {
    INFO("device.", name);
    names->push_back(name);
    CHECK(std::string_view(doc.doc).ends_with('.'));
    if constexpr (std::is_enum_v<T>) {
      CHECK(doc.choices.size() >= 2);
      CHECK(int(field) < int(doc.choices.size()));
    } else if constexpr (!std::is_same_v<T, bool>) {
      CHECK(std::isfinite(doc.min));
      CHECK(std::isfinite(doc.max));
      CHECK(double(field) >= doc.min);
      CHECK(double(field) <= doc.max);
    }
  }
};

TEST_CASE("effects: every key is named once, with words and a range") {
  std::vector<std::string> names;
  DeviceSpec device;
  device.Visit(Keys{&names});
  CHECK(std::set<std::string>(names.begin(), names.end()).size() ==
        names.size());
  CHECK(names.size() == 43);
  CHECK(device == DeviceSpec());
}

std::string ErrorOf(const Set& set) {
  try {
    Made(set);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("effects: what contradicts itself is an error that names the key") {
  using hw::WriteLaw;
  const std::vector<std::pair<std::string, Set>> wrong = {
      {"device.levels", [](DeviceSpec& d) { d.levels.count = 1; }},
      {"device.levels", [](DeviceSpec& d) { d.levels.count = -2; }},
      {"device.variation", [](DeviceSpec& d) { d.variation.sigma = NAN; }},
      {"device.write_sigma", [](DeviceSpec& d) { d.write_error.sigma = 0.1; }},
      {"device.write_sigma",
       [](DeviceSpec& d) {
         d.write_error = {WriteLaw::kPcm, 0.1};
       }},
      {"device.write_error",
       [](DeviceSpec& d) { d.write_error.law = WriteLaw(99); }},
      {"device.write_error",
       [](DeviceSpec& d) {
         d.write_error.law = WriteLaw::kReramWan1Day;
         d.retention.law = hw::RetentionLaw::kArrhenius;
       }},
      {"device.stuck_at_gmax",
       [](DeviceSpec& d) { d.stuck_at = {.gmax = 0.6, .gmin = 0.6}; }},
      {"device.stuck_cluster", [](DeviceSpec& d) { d.stuck_at.cluster = 0; }},
      {"device.temperature_alpha",
       [](DeviceSpec& d) {
         d.temperature.alpha = 0.01;
         d.conditions.kelvin = 100;
       }},
      {"device.wire_alpha",
       [](DeviceSpec& d) {
         d.conditions.kelvin = 4;
         d.wires.at_300_kelvin.r_row = 1;
       }},
      {"device.temperature", [](DeviceSpec& d) { d.conditions.kelvin = 0; }},
      {"device.chip", [](DeviceSpec& d) { d.chip = -1; }},
  };
  for (const auto& [key, set] : wrong) {
    INFO(key, ": ", ErrorOf(set));
    CHECK(ErrorOf(set).starts_with(key + ": expected "));
  }
  CHECK(ErrorOf([](DeviceSpec&) {}).empty());
  CHECK_THROWS_AS(hw::MakeCells(2, 2, PytorxWindow(), {1e-4}), Error);
  CHECK_THROWS_AS(hw::MakeCells(1, 1, WindowTo(0), {0}), Error);
}

TEST_CASE("effects: docs/crossbar.md lists them in order") {
  const std::string docs = ReadFile(OHM_SOURCE_DIR "/docs/crossbar.md");
  size_t at = docs.find("## Devices");
  REQUIRE(at != std::string::npos);
  for (const hw::Effect& effect : hw::Effects()) {
    INFO("effect ", effect.name);
    const size_t row = docs.find(std::string("\n| ") + effect.name + " |", at);
    REQUIRE(row != std::string::npos);
    at = row;
  }
}

}  // namespace
}  // namespace ohm::test
