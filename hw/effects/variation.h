// Differences between devices: resistances are lognormal, R = R0 exp(theta)
// with theta ~ N(0, s^2), s 0.1 to 0.5 (Lee, VLSI 2012; Vortex, DAC 2015
// [memory]). E[1 / R] would be exp(s^2 / 2) / R0, so R0 is chosen for the mean
// conductance to be what was written:  g' = g exp(-theta - s^2 / 2).
#pragma once

#include "hw/effects/effect.h"
#include "hw/field_doc.h"

namespace ohm::hw {

struct Variation {
  double sigma = 0;

  bool operator==(const Variation&) const = default;

  template <typename V>
  void Visit(V&& visit) {
    visit("variation", sigma,
          FieldDoc{.min = 0,
                   .max = 3,
                   .doc = "Standard deviation of the logarithm of a cell's "
                          "resistance from device to device; the mean "
                          "conductance is what was written."});
  }
};

bool VariationActive(const DeviceSpec& device);
void ApplyVariation(const DeviceSpec& device, const Key& key, CellArray* cells);

}  // namespace ohm::hw
