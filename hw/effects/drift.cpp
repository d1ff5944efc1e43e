#include "hw/effects/drift.h"

#include <cmath>

#include "hw/effects/device.h"

namespace ohm::hw {

NuLaw NuOf(const Drift& drift, double share) {
  switch (drift.law) {
    case DriftLaw::kNone:
      break;
    case DriftLaw::kPowerLaw:
      return {drift.nu, drift.nu_sigma};
    case DriftLaw::kPcm: {
      const double ln = std::log(share);  // -infinity at 0 is clamped
      return {std::clamp(-0.0155 * ln + 0.0244, 0.049, 0.1),
              std::clamp(-0.0125 * ln - 0.0059, 0.008, 0.045)};
    }
  }
  return {};
}

double DriftFactor(double nu, double t0, double seconds) {
  return std::pow((seconds + t0) / t0, -nu);
}

bool DriftActive(const DeviceSpec& device) {
  const Drift& drift = device.drift;
  if (device.conditions.seconds <= 0) return false;
  if (drift.law == DriftLaw::kPowerLaw) {
    return drift.nu > 0 || drift.nu_sigma > 0;
  }
  return drift.law != DriftLaw::kNone;
}

void ApplyDrift(const DeviceSpec& device, const Key& key, CellArray* cells) {
  const Drift& drift = device.drift;
  for (size_t i = 0; i < cells->g.size(); ++i) {
    if (cells->fault[i] != Fault::kNone) continue;
    const NuLaw law = NuOf(drift, cells->window.Share(cells->target[i]));
    const double nu = std::abs(law.mean + law.sigma * key.Normal(i));
    cells->g[i] *= DriftFactor(nu, drift.t0, device.conditions.seconds);
  }
}

}  // namespace ohm::hw
