// Conductance at another temperature than 300 K, T0:
//   low resistance (g_max)   metallic: R (1 + alpha (T - T0))
//   high resistance (g_min)  activated: g exp(-Ea/k (1/T - 1/T0))
// and between them the factor of g is interpolated by where g is between g_min
// and g_max. [memory]: alpha 1e-3 to 4e-3 per K, Ea 0.05 to 0.2 eV; the
// defaults are in the middle, the interpolation is ours.
#pragma once

#include "hw/effects/effect.h"
#include "hw/field_doc.h"

namespace ohm::hw {

struct Temperature {
  double alpha = 2e-3;  // 1/K
  double ea = 0.1;      // eV

  bool operator==(const Temperature&) const = default;

  template <typename V>
  void Visit(V&& visit) {
    visit("temperature_alpha", alpha,
          FieldDoc{.unit = "1/K",
                   .min = -0.01,
                   .max = 0.01,
                   .doc = "Relative rise of the resistance of a cell at g_max "
                          "per kelvin above 300."});
    visit("temperature_ea", ea,
          FieldDoc{.unit = "eV",
                   .min = 0,
                   .max = 2,
                   .doc = "Activation energy of the conductance of a cell at "
                          "g_min."});
  }
};

// g(T) / g for a cell at `level` (CellWindow::Level); exactly 1 at 300 K, and
// >= 0. Needs 1 + alpha (T - T0) > 0.
double TemperatureFactor(const Temperature& temperature, double level,
                         double kelvin);

bool TemperatureActive(const DeviceSpec& device);
void ApplyTemperature(const DeviceSpec& device, const Key& key,
                      CellArray* cells);

}  // namespace ohm::hw
