// Shot noise of a cell's current in the bandwidth Bn:  2 q |I| Bn, A^2, with
// |I| = G |V|. See hw/effects/thermal_noise.h for Bn and for PytorX's formula.
#pragma once

#include "hw/effects/effect.h"
#include "hw/field_doc.h"

namespace ohm::hw {

struct ShotNoise {
  bool on = false;

  bool operator==(const ShotNoise&) const = default;

  template <typename V>
  void Visit(V&& visit) {
    visit("shot_noise", on,
          FieldDoc{.doc = "Shot noise of the currents of cells in each read, "
                          "of frequency."});
  }
};

// A^2 per volt; g siemens.
double ShotVariance(double g, double hertz);

bool ShotNoiseActive(const DeviceSpec& device);
void ApplyShotNoise(const DeviceSpec& device, const Key& key, CellArray* cells);

}  // namespace ohm::hw
