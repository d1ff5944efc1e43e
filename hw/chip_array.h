// One array of a chip: its cells written, aged and seen through its wires.
// Internal to hw.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/random.h"
#include "hw/effects/device.h"
#include "hw/effects/effect.h"
#include "hw/spec.h"

namespace ohm::hw {

// The wires of an array, solved for one state of its cells: what stands for
// them while the cells change little (the frozen D of reference work on NIA: a
// change dG of the cells changes what is seen by D o dG).
struct FrozenState {
  std::vector<double> g, seen,
      sensitivity;  // [rows * columns]; empty: none yet

  bool empty() const { return g.empty(); }
  std::vector<double> Seen(const std::vector<double>& cells) const;
};

// All that is solved of an array until it is solved anew: its cells, and what
// its correction compares (what was to be written, and that with the stuck
// cells).
struct FrozenArray {
  FrozenState cells, target, profile;
};

// What is asked of an array beyond what its columns are seen to hold.
struct ArrayWants {
  bool sensitivity = false;  // of what is seen by the cells
  // States that are filled are used, others filled; null: all are solved.
  FrozenArray* frozen = nullptr;
};

struct ChipArray {
  CellArray cells;
  std::vector<double> seen;         // effective conductances, siemens
  std::vector<double> sensitivity;  // d seen / d g of each cell; empty: all 1
  // What a test of the chip finds missing where cells are stuck (or, for kDense
  // behind wires, anywhere), siemens; empty: no correction.
  std::vector<double> missing;
};

// `target`: conductances to be written, [rows * columns]; `key` the array's.
// Costs solutions of its wires: one; spec.predistort more; with correction
// behind wires up to two more; none but spec.predistort where wants.frozen is
// filled.
ChipArray ReadArray(const CrossbarSpec& spec, const DeviceSpec& device,
                    const CellWindow& window, int64_t rows, int64_t columns,
                    std::vector<double> target, const Key& key,
                    const ArrayWants& wants);

}  // namespace ohm::hw
