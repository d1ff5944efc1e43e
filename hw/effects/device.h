// What the devices of a crossbar are like: all effects of hw/effects, and the
// conditions that they are used under. The defaults are ideal devices.
#pragma once

#include <cstdint>

#include "core/base/random.h"
#include "hw/effects/drift.h"
#include "hw/effects/flicker_noise.h"
#include "hw/effects/levels.h"
#include "hw/effects/read_noise.h"
#include "hw/effects/retention.h"
#include "hw/effects/shot_noise.h"
#include "hw/effects/stuck_at.h"
#include "hw/effects/telegraph_noise.h"
#include "hw/effects/temperature.h"
#include "hw/effects/thermal_noise.h"
#include "hw/effects/variation.h"
#include "hw/effects/write_error.h"
#include "hw/field_doc.h"
#include "hw/wires/wire_spec.h"

namespace ohm::hw {

struct Conditions {
  double seconds = 0;
  double kelvin = kReferenceKelvin;
  double hertz = 10e6;

  bool operator==(const Conditions&) const = default;

  template <typename V>
  void Visit(V&& visit) {
    visit("seconds", seconds,
          FieldDoc{.unit = "s",
                   .min = 0,
                   .max = 1e12,
                   .doc = "Age of the cells. Of drift and flicker_noise it "
                          "counts from the first read, drift_t0 after "
                          "programming, of retention from programming; at 0 "
                          "nothing drifts or is lost."});
    visit(
        "temperature", kelvin,
        FieldDoc{.unit = "K",
                 .min = 1,
                 .max = 1000,
                 .doc = "Temperature of the cells, of conductances, retention "
                        "and noise."});
    visit("frequency", hertz,
          FieldDoc{.unit = "Hz",
                   .min = 0,
                   .max = 1e12,
                   .doc = "Noise bandwidth of a read, 1 / (2 t) of t seconds "
                          "of integration."});
  }
};

// How finely a simulation keeps what the cells of a chip hold.
enum class CellSteps : uint8_t {
  kColumn,  // 1/127 of the largest in its column of an array: a byte
  kFine,    // 1/256 of a code: two bytes a cell
};

// Members in the order of the table, hw/effects/table.cpp.
struct DeviceSpec {
  Levels levels;
  WriteError write_error;
  Variation variation;
  StuckAt stuck_at;
  Drift drift;
  Retention retention;
  Temperature temperature;
  ThermalNoise thermal_noise;
  ShotNoise shot_noise;
  TelegraphNoise telegraph_noise;
  FlickerNoise flicker_noise;
  ReadNoise read_noise;
  WireSpec wires;  // between the cells and everything else
  Conditions conditions;
  int64_t chip = 0;
  CellSteps steps = CellSteps::kColumn;

  bool operator==(const DeviceSpec&) const = default;

  // Names every field once (hw/field_doc.h), as in config keys `device.<name>`.
  template <typename V>
  void Visit(V&& visit) {
    levels.Visit(visit);
    write_error.Visit(visit);
    variation.Visit(visit);
    stuck_at.Visit(visit);
    drift.Visit(visit);
    retention.Visit(visit);
    temperature.Visit(visit);
    thermal_noise.Visit(visit);
    shot_noise.Visit(visit);
    telegraph_noise.Visit(visit);
    flicker_noise.Visit(visit);
    read_noise.Visit(visit);
    wires.Visit(visit);
    conditions.Visit(visit);
    visit("chip", chip,
          FieldDoc{.min = 0,
                   .max = 1e15,
                   .doc = "Which chip: another number draws other cells."});
    visit("cell_steps", steps,
          FieldDoc{.choices = {"column", "fine"},
                   .doc = "How finely the simulation keeps what cells hold: "
                          "1/127 of the largest in its column of an array, as "
                          "fast as ideal cells; or 1/256 of a code, for up to "
                          "1.7 times the time (docs/crossbar.md)."});
  }
};

// Error, naming the key, where a field is out of its range or fields contradict
// each other.
void CheckDevice(const DeviceSpec& device);

// The key of a chip instance. An array's is a child of it that names the array
// whatever order arrays are made in: .Child(layer).Child(array).
Key ChipKey(const DeviceSpec& device);

}  // namespace ohm::hw
