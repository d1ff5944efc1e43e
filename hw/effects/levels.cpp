#include "hw/effects/levels.h"

#include <cmath>

#include "hw/effects/device.h"

namespace ohm::hw {

double NearestLevel(double g, int count, const CellWindow& window) {
  const double level = std::nearbyint(window.Level(g) * (count - 1));
  return std::lerp(window.g_min, window.g_max, level / (count - 1));
}

bool LevelsActive(const DeviceSpec& device) { return device.levels.count > 0; }

void ApplyLevels(const DeviceSpec& device, const Key&, CellArray* cells) {
  for (double& g : cells->g) {
    g = NearestLevel(g, device.levels.count, cells->window);
  }
}

}  // namespace ohm::hw
