// Gaussian noise of the conductance in each read, of no stated origin:
//   s^2 = (read_sigma g_max)^2 + (read_sigma_of_g g)^2
// Generic, as in CrossSim (generic_device.py: independent and proportional);
// aihwkit recommends 1 % of g_max beside Wan's laws (Nature 608, 2022).
#pragma once

#include "hw/effects/effect.h"
#include "hw/field_doc.h"

namespace ohm::hw {

struct ReadNoise {
  double sigma = 0;
  double sigma_of_g = 0;

  bool operator==(const ReadNoise&) const = default;

  template <typename V>
  void Visit(V&& visit) {
    visit("read_sigma", sigma,
          FieldDoc{.unit = "share of g_max",
                   .min = 0,
                   .max = 10,
                   .doc = "Standard deviation of a cell's conductance in each "
                          "read, alike for all cells."});
    visit("read_sigma_of_g", sigma_of_g,
          FieldDoc{.unit = "share of g",
                   .min = 0,
                   .max = 10,
                   .doc = "Standard deviation of a cell's conductance in each "
                          "read, proportional to it; adds to read_sigma as "
                          "variances do."});
  }
};

bool ReadNoiseActive(const DeviceSpec& device);
void ApplyReadNoise(const DeviceSpec& device, const Key& key, CellArray* cells);

}  // namespace ohm::hw
