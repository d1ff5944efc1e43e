// 1/f noise of phase change memory, accumulated from programming to the read
// (Nandakumar, ICECS 2019; Joshi, Nat. Commun. 11:2473, 2020; as in aihwkit's
// PCMLike):
//   s = |g(t)| Qs sqrt(ln((t + t0 + tr) / (2 tr)))
//   Qs = min(q / max(x^0.65, 1e-3), 0.2),  x = programmed g / g_max
// with q = 0.0088, tr = 250 ns the length of a read and t0 that of drift
// (drift_t0). Drawn anew in each read, as in the source; real 1/f noise is
// correlated from read to read.
#pragma once

#include "hw/effects/effect.h"
#include "hw/field_doc.h"

namespace ohm::hw {

struct FlickerNoise {
  bool on = false;
  double q = 0.0088;
  double tr = 250e-9;  // s

  bool operator==(const FlickerNoise&) const = default;

  template <typename V>
  void Visit(V&& visit) {
    visit("flicker_noise", on,
          FieldDoc{.doc = "1/f noise of cells in each read, as published for "
                          "phase change memory."});
    visit("flicker_q", q,
          FieldDoc{.min = 0,
                   .max = 1,
                   .doc = "Strength of flicker_noise of a cell at g_max."});
    visit("flicker_read_time", tr,
          FieldDoc{.unit = "s",
                   .min = 1e-12,
                   .max = 1e-3,
                   .doc = "Length of a read, of flicker_noise."});
  }
};

// Qs of a cell programmed to `share` of g_max.
double FlickerQ(const FlickerNoise& noise, double share);
// s / |g(t)|; `since` = t + t0 seconds. 0 where that is no longer than a read.
double FlickerSigma(const FlickerNoise& noise, double share, double since);

bool FlickerNoiseActive(const DeviceSpec& device);
void ApplyFlickerNoise(const DeviceSpec& device, const Key& key,
                       CellArray* cells);

}  // namespace ohm::hw
