// Errors of writing: g' = max(0, g + s(g) * N(0, 1)), drawn once per write.
//
// Published laws give s in microsiemens for devices whose largest conductance
// is their own; they are taken at the same share x = g / g_max of it, and s is
// scaled by our g_max over theirs. x is in 0..1. Clipping at 0 raises the mean
// of cells whose s is not small against g, as it does in the sources; there is
// no clipping at g_max.
//
// The laws, with the g_max that they are of; s in uS of x, or of g in uS:
//   reram_wan_1_second, _1_day, _2_days  40 uS, quartics in x: Wan, Nature 608
//       (2022), as fitted in aihwkit (reram.py)
//   reram_wan_cubic  39.26 uS, 1.053 + 0.2374 g - 0.01167 g^2 + 1.536e-4 g^3:
//       the same after 1 s as fitted in CrossSim (RRAM_Wan.py)
//   reram_milo  225 uS, 4.7823 - 0.009107 g: Milo, IRPS 2021, as fitted from
//       50 uS on in CrossSim (RRAM_Milo.py)
//   reram_cmo_2_percent, _0.2_percent  88.2 uS, 0.01122 + 0.01129 g and
//       0.00081 + 0.00107 g, by how near a write must come: Falcone, as fitted
//       in aihwkit (reram.py)
//   pcm  25 uS, 0.26348 + 1.9650 x - 1.1731 x^2: Nandakumar, ICECS 2019, as in
//       aihwkit (pcm.py)
//   pcm_joshi  25 uS, 0.28639 + 0.075857 g - 0.00178767 g^2: Joshi, Nat.
//       Commun. 11:2473 (2020), as fitted in CrossSim (PCM_Joshi.py)
//   hermes_2_devices, _1_device  20.7 and 10.35 uS, cubics in x: Le Gallo, Nat.
//       Electron. (2023), as in aihwkit (hermes.py)
//   pytorx  a third of a code step, at any g: PytorX (layer.py)
//
// The laws of Wan after a day and two are the whole distance from the target at
// that time, relaxation included, and not functions of time: they are laws of
// writing here and do not depend on `seconds`.
#pragma once

#include "hw/effects/effect.h"
#include "hw/field_doc.h"

namespace ohm::hw {

enum class WriteLaw : uint8_t {
  kNone,
  kConstant,
  kProportional,
  kInverse,
  kPytorx,
  kReramWan1s,
  kReramWan1Day,
  kReramWan2Days,
  kReramWanCubic,
  kReramMilo,
  kReramCmo2,
  kReramCmo02,
  kPcm,
  kPcmJoshi,
  kHermes2,
  kHermes1,
};

struct WriteError {
  WriteLaw law = WriteLaw::kNone;
  double sigma = 0;

  bool operator==(const WriteError&) const = default;

  template <typename V>
  void Visit(V&& visit) {
    visit(
        "write_error", law,
        FieldDoc{
            .choices = {"none", "constant", "proportional", "inverse", "pytorx",
                        "reram_wan_1_second", "reram_wan_1_day",
                        "reram_wan_2_days", "reram_wan_cubic", "reram_milo",
                        "reram_cmo_2_percent", "reram_cmo_0.2_percent", "pcm",
                        "pcm_joshi", "hermes_2_devices", "hermes_1_device"},
            .doc = "Gaussian error of each write: write_sigma times (g_max - "
                   "g_min), times g, or times g_max^2 / g; a third of a code "
                   "step; or a published law at the same g / g_max. The first "
                   "three need write_sigma above 0."});
    visit("write_sigma", sigma,
          FieldDoc{.unit = "share",
                   .min = 0,
                   .max = 10,
                   .doc = "Standard deviation of write_error = constant, "
                          "proportional and inverse; 0 with the others."});
  }
};

// Whether `law` is scaled by write_sigma.
bool TakesSigma(WriteLaw law);

// Standard deviation, siemens, of writing g >= 0; finite and >= 0. `inverse` is
// 0 at g = 0 (CrossSim, generic_device.py).
double WriteSigma(const WriteError& error, double g, const CellWindow& window);

bool WriteErrorActive(const DeviceSpec& device);
void ApplyWriteError(const DeviceSpec& device, const Key& key,
                     CellArray* cells);

}  // namespace ohm::hw
