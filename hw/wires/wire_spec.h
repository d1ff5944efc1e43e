// The wires of a chip's arrays as they are configured: their resistances, how
// they are computed, and how often.
#pragma once

#include <cstdint>

#include "hw/field_doc.h"
#include "hw/wires/wires.h"

namespace ohm::hw {

// How wires enter a computation; the words of WireModelTable.
enum class WireModel : uint8_t { kExact, kAlphaBeta, kDmr, kFirstOrder };

struct WireSpec {
  Wires at_300_kelvin;
  double alpha = 3.9e-3;
  WireModel model = WireModel::kExact;
  int refresh = 20;

  bool ideal() const { return at_300_kelvin.ideal(); }
  bool operator==(const WireSpec&) const = default;

  // The resistances at a temperature; those of source and load are drivers and
  // amplifiers, not wires, and stay.
  Wires At(double kelvin) const {
    const double factor = 1 + alpha * (kelvin - 300);
    Wires wires = at_300_kelvin;
    wires.r_row *= factor;
    wires.r_column *= factor;
    return wires;
  }

  template <typename Visitor>
  void Visit(Visitor&& visit) {
    at_300_kelvin.Visit(visit);
    visit("wire_alpha", alpha,
          FieldDoc{.unit = "1/K",
                   .min = 0,
                   .max = 0.05,
                   .doc = "Rise of the wires' resistance per kelvin above 300; "
                          "copper: 3.9e-3."});
    visit("wire_model", model,
          FieldDoc{.choices = {"exact", "alpha_beta", "dmr", "first_order"},
                   .doc = "How wires are computed: solved exactly, or by a "
                          "published approximation (docs/crossbar.md has "
                          "their errors)."});
    visit("wire_refresh", refresh,
          FieldDoc{.unit = "steps",
                   .min = 1,
                   .max = 1e9,
                   .doc = "Training steps from one solution of the wires to "
                          "the next; between, a change of a cell counts by "
                          "its local sensitivity."});
  }
};

}  // namespace ohm::hw
