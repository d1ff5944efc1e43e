#include "hw/effects/retention.h"

#include <cmath>

#include "hw/effects/device.h"

namespace ohm::hw {
namespace {

constexpr double kCmoGMax = 88.2;  // uS

void Relax(const DeviceSpec& device, const Key& key, CellArray* cells) {
  const Relaxation relaxation =
      RelaxationOf(device.conditions.seconds, cells->window.g_max);
  for (size_t i = 0; i < cells->g.size(); ++i) {
    if (cells->fault[i] != Fault::kNone) continue;
    const double change = relaxation.mean + relaxation.sigma * key.Normal(i);
    cells->g[i] = std::max(cells->g[i] + change, 0.0);
  }
}

void Decay(const DeviceSpec& device, CellArray* cells) {
  const double g_min = cells->window.g_min;
  const double kept =
      std::exp(-device.conditions.seconds /
               TimeConstant(device.retention, device.conditions.kelvin));
  for (size_t i = 0; i < cells->g.size(); ++i) {
    if (cells->fault[i] != Fault::kNone) continue;
    cells->g[i] = std::lerp(g_min, cells->g[i], kept);
  }
}

}  // namespace

Relaxation RelaxationOf(double seconds, double g_max) {
  const double ln = std::log(std::max(seconds, 1.0));
  const double scale = g_max / kCmoGMax;
  return {scale * -0.0890 * ln, scale * (0.0420 * ln + 0.4118)};
}

double TimeConstant(const Retention& retention, double kelvin) {
  return retention.t0 *
         std::exp(retention.ea * kElementaryCharge / (kBoltzmann * kelvin));
}

bool RetentionActive(const DeviceSpec& device) {
  return device.retention.law != RetentionLaw::kNone &&
         device.conditions.seconds > 0;
}

void ApplyRetention(const DeviceSpec& device, const Key& key,
                    CellArray* cells) {
  if (device.retention.law == RetentionLaw::kReramCmo) {
    Relax(device, key, cells);
  } else {
    Decay(device, cells);
  }
}

}  // namespace ohm::hw
