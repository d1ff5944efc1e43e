#include "hw/effects/read_noise.h"

#include "hw/effects/device.h"

namespace ohm::hw {

bool ReadNoiseActive(const DeviceSpec& device) {
  return device.read_noise.sigma > 0 || device.read_noise.sigma_of_g > 0;
}

void ApplyReadNoise(const DeviceSpec& device, const Key&, CellArray* cells) {
  const double alike = device.read_noise.sigma * cells->window.g_max;
  cells->ReserveNoise();
  for (size_t i = 0; i < cells->g.size(); ++i) {
    const double share = device.read_noise.sigma_of_g * cells->g[i];
    cells->per_volt2[i] += alike * alike + share * share;
  }
}

}  // namespace ohm::hw
