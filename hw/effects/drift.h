// Drift of conductance in the t seconds since the first read, t0 after
// programming:
//   g(t) = g ((t + t0) / t0)^-nu,  nu = |N(m, s)|, drawn once per cell
// so it is 1 at t = 0 and falls. Two laws of m and s:
//   power_law  m = drift_nu, s = drift_nu_sigma
//   pcm        of x = target / g_max: m = -0.0155 ln x + 0.0244 in 0.049..0.1,
//              s = -0.0125 ln x - 0.0059 in 0.008..0.045; t0 = 20 s
//              (Nandakumar, ICECS 2019; Joshi, Nat. Commun. 11:2473, 2020; as
//              in aihwkit's PCMLike). nu is 0.05 to 0.1 (Boybat, NVMTS 2018).
// Its remedies (global drift compensation) belong to the digital side.
#pragma once

#include "hw/effects/effect.h"
#include "hw/field_doc.h"

namespace ohm::hw {

enum class DriftLaw : uint8_t { kNone, kPowerLaw, kPcm };

struct Drift {
  DriftLaw law = DriftLaw::kNone;
  double nu = 0.05;
  double nu_sigma = 0;
  double t0 = 20;  // s

  bool operator==(const Drift&) const = default;

  template <typename V>
  void Visit(V&& visit) {
    visit("drift", law,
          FieldDoc{.choices = {"none", "power_law", "pcm"},
                   .doc = "Conductances fall as ((seconds + t0) / t0)^-nu, "
                          "with nu drawn for each cell: from drift_nu and "
                          "drift_nu_sigma, or as published for phase change "
                          "memory."});
    visit(
        "drift_nu", nu,
        FieldDoc{
            .min = 0, .max = 1, .doc = "Mean exponent of drift = power_law."});
    visit("drift_nu_sigma", nu_sigma,
          FieldDoc{.min = 0,
                   .max = 1,
                   .doc = "Standard deviation of the exponent of drift = "
                          "power_law from cell to cell."});
    visit("drift_t0", t0,
          FieldDoc{.unit = "s",
                   .min = 1e-9,
                   .max = 1e9,
                   .doc = "Time from programming to the first read, from which "
                          "seconds count; of drift and flicker_noise (20: "
                          "PCMLike; Hermes: 300 with 2 devices, 200 with 1)."});
  }
};

struct NuLaw {
  double mean = 0, sigma = 0;
};
// Of a cell whose target is `share` of g_max, 0..1.
NuLaw NuOf(const Drift& drift, double share);
// g(t) / g; exactly 1 at t = 0. seconds >= 0.
double DriftFactor(double nu, double t0, double seconds);

bool DriftActive(const DeviceSpec& device);
void ApplyDrift(const DeviceSpec& device, const Key& key, CellArray* cells);

}  // namespace ohm::hw
