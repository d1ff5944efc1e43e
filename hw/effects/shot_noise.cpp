#include "hw/effects/shot_noise.h"

#include "hw/effects/device.h"

namespace ohm::hw {

double ShotVariance(double g, double hertz) {
  return 2 * kElementaryCharge * g * hertz;
}

bool ShotNoiseActive(const DeviceSpec& device) {
  return device.shot_noise.on && device.conditions.hertz > 0;
}

void ApplyShotNoise(const DeviceSpec& device, const Key&, CellArray* cells) {
  cells->ReserveNoise();
  for (size_t i = 0; i < cells->g.size(); ++i) {
    cells->per_volt[i] += ShotVariance(cells->g[i], device.conditions.hertz);
  }
}

}  // namespace ohm::hw
