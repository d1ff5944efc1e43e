// Random telegraph noise: a cell has two resistances, R and R (1 - r), with
//   r = dR/R = min(b + a R, cap)
// and is in the lower one a share tau of the time. Source of r: PytorX layer.py
// (a = 1.662e-7 S, b = 0.0015), a fit of Ielmini's NiO data as in Feinberg,
// HPCA 2018 (2.8 % at low, 50 % at high resistance).
//
// PytorX adds the difference of conductances to some cells, which shifts the
// mean and is singular at 6 Mohm. Here r is capped below 1 and both states are
// placed about the nominal g so that it stays the mean [derived]:
//   g_low = g (1 - r) / (1 - r (1 - tau)),  g_high = g / (1 - r (1 - tau))
//   tau g_high + (1 - tau) g_low = g
//   var G = tau (1 - tau) (g_high - g_low)^2
// A read sees one state, independently of other reads: dwell times are short
// against the time between reads (and long against a read). The variance of a
// column is exact; that the column is drawn as a Gaussian is the central limit
// theorem, good where no cell dominates its column.
#pragma once

#include "hw/effects/effect.h"
#include "hw/field_doc.h"

namespace ohm::hw {

struct TelegraphNoise {
  bool on = false;
  double a = 1.662e-7;  // S
  double b = 0.0015;
  double cap = 0.9;
  double occupancy = 0.5;

  bool operator==(const TelegraphNoise&) const = default;

  template <typename V>
  void Visit(V&& visit) {
    visit("telegraph_noise", on,
          FieldDoc{.doc = "Random telegraph noise in each read: two states of "
                          "each cell about its conductance."});
    visit("telegraph_a", a,
          FieldDoc{.unit = "siemens",
                   .min = 0,
                   .max = 1,
                   .doc = "Relative difference of the two resistances, per ohm "
                          "of the cell."});
    visit("telegraph_b", b,
          FieldDoc{.unit = "share",
                   .min = 0,
                   .max = 0.99,
                   .doc = "Relative difference of the two resistances of a "
                          "cell without resistance."});
    visit("telegraph_cap", cap,
          FieldDoc{.unit = "share",
                   .min = 0,
                   .max = 0.99,
                   .doc = "Largest relative difference of the two "
                          "resistances."});
    visit("telegraph_occupancy", occupancy,
          FieldDoc{.unit = "share",
                   .min = 0,
                   .max = 1,
                   .doc = "Share of the time that a cell is in its state of "
                          "lower resistance."});
  }
};

// Siemens; both finite and >= 0 for every g >= 0.
struct TelegraphStates {
  double low = 0, high = 0;
};
TelegraphStates StatesOf(const TelegraphNoise& noise, double g);
double TelegraphVariance(const TelegraphNoise& noise, double g);  // S^2

// The conductance of cell `cell` in one read: one of the two states, exactly,
// for comparison with the Gaussian of columns. `read`: the key of the read.
double SampleTelegraph(const TelegraphNoise& noise, double g, const Key& read,
                       uint64_t cell);

bool TelegraphNoiseActive(const DeviceSpec& device);
void ApplyTelegraphNoise(const DeviceSpec& device, const Key& key,
                         CellArray* cells);

}  // namespace ohm::hw
