// Johnson noise of a cell's current in the bandwidth Bn:  4 k T G Bn, A^2, at
// any voltage. Bn = 1 / (2 t) of an integration of t seconds. PytorX's
//   s_G^2 = G f (4 k T + 2 q V) / V^2  (layer.py; V the rms voltage of a row)
// is this and shot_noise with Bn = f, as conductance; as current there is no
// division by V.
#pragma once

#include "hw/effects/effect.h"
#include "hw/field_doc.h"

namespace ohm::hw {

struct ThermalNoise {
  bool on = false;

  bool operator==(const ThermalNoise&) const = default;

  template <typename V>
  void Visit(V&& visit) {
    visit("thermal_noise", on,
          FieldDoc{.doc = "Johnson noise of cells in each read, of "
                          "temperature and frequency."});
  }
};

// A^2; g siemens.
double ThermalVariance(double g, double kelvin, double hertz);

bool ThermalNoiseActive(const DeviceSpec& device);
void ApplyThermalNoise(const DeviceSpec& device, const Key& key,
                       CellArray* cells);

}  // namespace ohm::hw
