// Loss of what was written in the t seconds since programming.
//   reram_cmo  g(t) = max(0, g + m(t) + s(t) z), z ~ N(0, 1) drawn once per
//              cell; m = -0.0890 ln t, s = 0.0420 ln t + 0.4118, in uS of a
//              device with g_max = 88.2 uS and scaled to ours (CMO/HfOx ReRAM,
//              Falcone; as in aihwkit's reram.py). At any g alike. The law is
//              for t of many seconds: before 1 s it is that of 1 s, and at
//              t = 0 nothing.
//   arrhenius  g(t) = g_min + (g - g_min) exp(-t / tr),
//              tr = retention_t0 exp(Ea / kT)
//              [memory]: Ea 1 to 1.6 eV; the prefactor of an attempt in 0.1 ps
//              and the decay towards g_min are ours.
#pragma once

#include "hw/effects/effect.h"
#include "hw/field_doc.h"

namespace ohm::hw {

enum class RetentionLaw : uint8_t { kNone, kReramCmo, kArrhenius };

struct Retention {
  RetentionLaw law = RetentionLaw::kNone;
  double t0 = 1e-13;  // s
  double ea = 1.3;    // eV

  bool operator==(const Retention&) const = default;

  template <typename V>
  void Visit(V&& visit) {
    visit(
        "retention", law,
        FieldDoc{.choices = {"none", "reram_cmo", "arrhenius"},
                 .doc = "Cells lose what was written: relaxation as published "
                        "for CMO/HfOx ReRAM, or decay to g_min with a time "
                        "constant of retention_t0 exp(retention_ea / kT)."});
    visit("retention_t0", t0,
          FieldDoc{.unit = "s",
                   .min = 1e-18,
                   .max = 1e12,
                   .doc = "Time constant of retention = arrhenius at infinite "
                          "temperature."});
    visit("retention_ea", ea,
          FieldDoc{.unit = "eV",
                   .min = 0,
                   .max = 5,
                   .doc = "Activation energy of retention = arrhenius."});
  }
};

// Mean and standard deviation of the change of g after `seconds` > 0 by
// reram_cmo, siemens, of devices of g_max siemens.
struct Relaxation {
  double mean = 0, sigma = 0;
};
Relaxation RelaxationOf(double seconds, double g_max);

// tr of arrhenius, s; kelvin > 0. May be infinite.
double TimeConstant(const Retention& retention, double kelvin);

bool RetentionActive(const DeviceSpec& device);
void ApplyRetention(const DeviceSpec& device, const Key& key, CellArray* cells);

}  // namespace ohm::hw
