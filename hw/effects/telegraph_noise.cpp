#include "hw/effects/telegraph_noise.h"

#include "hw/effects/device.h"

namespace ohm::hw {
namespace {

// r of a cell of g siemens.
double Amplitude(const TelegraphNoise& noise, double g) {
  if (g <= 0) return noise.cap;
  return std::min(noise.b + noise.a / g, noise.cap);
}

}  // namespace

TelegraphStates StatesOf(const TelegraphNoise& noise, double g) {
  const double r = Amplitude(noise, g);
  const double high = g / (1 - r * (1 - noise.occupancy));
  return {high * (1 - r), high};
}

double TelegraphVariance(const TelegraphNoise& noise, double g) {
  const TelegraphStates states = StatesOf(noise, g);
  const double step = states.high - states.low;
  return noise.occupancy * (1 - noise.occupancy) * step * step;
}

double SampleTelegraph(const TelegraphNoise& noise, double g, const Key& read,
                       uint64_t cell) {
  const TelegraphStates states = StatesOf(noise, g);
  return read.Uniform(cell) < noise.occupancy ? states.high : states.low;
}

bool TelegraphNoiseActive(const DeviceSpec& device) {
  const TelegraphNoise& noise = device.telegraph_noise;
  return noise.on && noise.occupancy > 0 && noise.occupancy < 1 &&
         noise.cap > 0 && (noise.a > 0 || noise.b > 0);
}

void ApplyTelegraphNoise(const DeviceSpec& device, const Key&,
                         CellArray* cells) {
  cells->ReserveNoise();
  for (size_t i = 0; i < cells->g.size(); ++i) {
    cells->per_volt2[i] +=
        TelegraphVariance(device.telegraph_noise, cells->g[i]);
  }
}

}  // namespace ohm::hw
