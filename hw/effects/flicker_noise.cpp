#include "hw/effects/flicker_noise.h"

#include <cmath>

#include "hw/effects/device.h"

namespace ohm::hw {

double FlickerQ(const FlickerNoise& noise, double share) {
  return std::min(noise.q / std::max(std::pow(share, 0.65), 1e-3), 0.2);
}

double FlickerSigma(const FlickerNoise& noise, double share, double since) {
  const double ln = std::log((since + noise.tr) / (2 * noise.tr));
  return FlickerQ(noise, share) * std::sqrt(std::max(ln, 0.0));
}

bool FlickerNoiseActive(const DeviceSpec& device) {
  return device.flicker_noise.on && device.flicker_noise.q > 0;
}

void ApplyFlickerNoise(const DeviceSpec& device, const Key&, CellArray* cells) {
  const double since = device.conditions.seconds + device.drift.t0;
  cells->ReserveNoise();
  for (size_t i = 0; i < cells->g.size(); ++i) {
    const double share = cells->window.Share(cells->programmed[i]);
    const double sigma =
        cells->g[i] * FlickerSigma(device.flicker_noise, share, since);
    cells->per_volt2[i] += sigma * sigma;
  }
}

}  // namespace ohm::hw
