// Cells, rows and columns that are stuck whatever is written, drawn once per
// chip and for each arm of a pair by itself (arms are cells of their own). The
// last effect of programming: a stuck cell is at g_max or g_min exactly.
//
// Single cells are drawn as in PytorX's SAF.py: u uniform, u < p_gmax is stuck
// at g_max, u >= 1 - p_gmin at g_min. Names clash: PytorX's "SA0" is stuck at
// g_max and "SA1" at g_min; much literature, and MNSIM's first rate, is the
// reverse. Here the name says the conductance.
//
// Clusters [reconstructed: only single cells are published]: each cell, and
// each within reach outside the array, begins a cluster with probability q. A
// cluster is the cells nearest to where it begins, `stuck_cluster` of them in
// the mean; where two overlap, a cell is of the one that begins nearer. q is
// such that a cell is stuck exactly as often as without clusters. Draws are
// indexed over the array and its surroundings then, not over its cells.
#pragma once

#include "hw/effects/effect.h"
#include "hw/field_doc.h"

namespace ohm::hw {

enum class LineFault : uint8_t { kAtGMin, kAtGMax };

struct StuckAt {
  double gmax = 0;
  double gmin = 0;
  double cluster = 1;
  double rows = 0;
  double columns = 0;
  LineFault lines = LineFault::kAtGMin;

  bool operator==(const StuckAt&) const = default;

  template <typename V>
  void Visit(V&& visit) {
    const auto rate = [](const char* doc) {
      return FieldDoc{.unit = "share", .min = 0, .max = 1, .doc = doc};
    };
    visit("stuck_at_gmax", gmax,
          rate("Cells stuck at g_max, low resistance (PytorX's SA0; SA1 in "
               "much other literature)."));
    visit("stuck_at_gmin", gmin,
          rate("Cells stuck at g_min, high resistance (PytorX's SA1; SA0 in "
               "much other literature)."));
    visit("stuck_cluster", cluster,
          FieldDoc{.unit = "cells",
                   .min = 1,
                   .max = 4096,
                   .doc = "Stuck cells come in connected clusters of so many "
                          "cells in the mean, before clusters overlap; 1: each "
                          "for itself. The rates stay."});
    visit("stuck_rows", rows, rate("Rows all of whose cells are stuck."));
    visit("stuck_columns", columns,
          rate("Columns all of whose cells are stuck."));
    visit("stuck_lines", lines,
          FieldDoc{.choices = {"gmin", "gmax"},
                   .doc = "Where the cells of stuck rows and columns are."});
  }
};

// Probability that a cell begins a cluster of `size` >= 1 cells in the mean,
// for a share `rate` of all cells to be in clusters; `rate` where size is 1.
double ClusterRate(double rate, double size);

bool StuckAtActive(const DeviceSpec& device);
void ApplyStuckAt(const DeviceSpec& device, const Key& key, CellArray* cells);

}  // namespace ohm::hw
