#include "hw/effects/temperature.h"

#include <cmath>

#include "hw/effects/device.h"

namespace ohm::hw {

double TemperatureFactor(const Temperature& temperature, double level,
                         double kelvin) {
  const double metallic =
      1 / (1 + temperature.alpha * (kelvin - kReferenceKelvin));
  const double activated =
      std::exp(-temperature.ea * kElementaryCharge / kBoltzmann *
               (1 / kelvin - 1 / kReferenceKelvin));
  return std::lerp(activated, metallic, level);
}

bool TemperatureActive(const DeviceSpec& device) {
  return device.conditions.kelvin != kReferenceKelvin &&
         (device.temperature.alpha != 0 || device.temperature.ea != 0);
}

void ApplyTemperature(const DeviceSpec& device, const Key&, CellArray* cells) {
  for (size_t i = 0; i < cells->g.size(); ++i) {
    if (cells->fault[i] != Fault::kNone) continue;
    cells->g[i] *=
        TemperatureFactor(device.temperature, cells->window.Level(cells->g[i]),
                          device.conditions.kelvin);
  }
}

}  // namespace ohm::hw
