#include "hw/effects/thermal_noise.h"

#include "hw/effects/device.h"

namespace ohm::hw {

double ThermalVariance(double g, double kelvin, double hertz) {
  return 4 * kBoltzmann * kelvin * g * hertz;
}

bool ThermalNoiseActive(const DeviceSpec& device) {
  return device.thermal_noise.on && device.conditions.hertz > 0;
}

void ApplyThermalNoise(const DeviceSpec& device, const Key&, CellArray* cells) {
  const Conditions& at = device.conditions;
  cells->ReserveNoise();
  for (size_t i = 0; i < cells->g.size(); ++i) {
    cells->constant[i] += ThermalVariance(cells->g[i], at.kelvin, at.hertz);
  }
}

}  // namespace ohm::hw
