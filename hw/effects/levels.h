// Cells that can only hold some conductances.
#pragma once

#include "hw/effects/effect.h"
#include "hw/field_doc.h"

namespace ohm::hw {

struct Levels {
  int count = 0;

  bool operator==(const Levels&) const = default;

  template <typename V>
  void Visit(V&& visit) {
    visit("levels", count,
          FieldDoc{.unit = "levels",
                   .min = 0,
                   .max = 65536,
                   .doc = "A cell can only hold so many conductances, at equal "
                          "distances from g_min to g_max; 0: any."});
  }
};

// The nearest of `count` >= 2 levels, the even one of two; g_min and g_max
// themselves are levels to the last bit.
double NearestLevel(double g, int count, const CellWindow& window);

bool LevelsActive(const DeviceSpec& device);
void ApplyLevels(const DeviceSpec& device, const Key& key, CellArray* cells);

}  // namespace ohm::hw
