#include "hw/effects/variation.h"

#include <cmath>

#include "hw/effects/device.h"

namespace ohm::hw {

bool VariationActive(const DeviceSpec& device) {
  return device.variation.sigma > 0;
}

void ApplyVariation(const DeviceSpec& device, const Key& key,
                    CellArray* cells) {
  const double sigma = device.variation.sigma;
  for (size_t i = 0; i < cells->g.size(); ++i) {
    const double theta = sigma * key.Normal(i);
    cells->g[i] *= std::exp(-theta - sigma * sigma / 2);
  }
}

}  // namespace ohm::hw
