#include "hw/effects/device.h"

#include <string>
#include <type_traits>

#include "core/base/check.h"
#include "core/base/number_text.h"

namespace ohm::hw {
namespace {

std::string Expected(const char* key, const std::string& what) {
  return std::string("device.") + key + ": expected " + what;
}

struct CheckRange {
  template <typename T>
  void operator()(const char* key, const T& field, const FieldDoc& doc) const {
    double min = doc.min, max = doc.max;
    if constexpr (std::is_enum_v<T>) {
      min = 0;
      max = double(doc.choices.size()) - 1;
    }
    const auto value = static_cast<double>(field);
    // Not a number is in no range.
    OHM_CHECK(
        value >= min && value <= max,
        Expected(key, NumberText(min) + ".." + NumberText(max) + ", got ") +
            NumberText(value));
  }
};

void CheckWriting(const DeviceSpec& device) {
  const WriteError& error = device.write_error;
  OHM_CHECK(device.levels.count != 1,
            Expected("levels", "0 (any conductance) or at least 2, got 1"));
  OHM_CHECK(error.sigma == 0 || TakesSigma(error.law),
            Expected("write_sigma",
                     "0, or write_error = constant, proportional or inverse "
                     "with it, got ") +
                NumberText(error.sigma));
  OHM_CHECK(device.stuck_at.gmax + device.stuck_at.gmin <= 1,
            Expected("stuck_at_gmax",
                     "no more than 1 together with device.stuck_at_gmin = ") +
                NumberText(device.stuck_at.gmin) + ", got " +
                NumberText(device.stuck_at.gmax));
}

void CheckTime(const DeviceSpec& device) {
  const WriteLaw law = device.write_error.law;
  const bool aged =
      law == WriteLaw::kReramWan1Day || law == WriteLaw::kReramWan2Days;
  OHM_CHECK(!aged || (device.drift.law == DriftLaw::kNone &&
                      device.retention.law == RetentionLaw::kNone),
            Expected("write_error",
                     "a law of right after writing with drift or retention: "
                     "those of a day and two include what time does"));
  const double resistance =
      1 +
      device.temperature.alpha * (device.conditions.kelvin - kReferenceKelvin);
  OHM_CHECK(resistance > 0,
            Expected("temperature_alpha",
                     "a resistance above 0 at device.temperature = ") +
                NumberText(device.conditions.kelvin) + " K, got " +
                NumberText(device.temperature.alpha) + " per K");
  const double wire =
      1 + device.wires.alpha * (device.conditions.kelvin - kReferenceKelvin);
  OHM_CHECK(wire >= 0 || device.wires.ideal(),
            Expected("wire_alpha",
                     "wires of at least 0 ohm at "
                     "device.temperature = ") +
                NumberText(device.conditions.kelvin) + " K, got " +
                NumberText(device.wires.alpha) + " per K");
}

}  // namespace

void CheckDevice(const DeviceSpec& device) {
  DeviceSpec fields = device;  // Visit may change what it visits
  fields.Visit(CheckRange());
  CheckWriting(device);
  CheckTime(device);
}

Key ChipKey(const DeviceSpec& device) {
  return Key(uint64_t(device.chip)).Child("chip");
}

}  // namespace ohm::hw
