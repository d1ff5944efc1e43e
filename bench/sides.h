// Several ways to do one thing, timed in turn in one process; ratios to the
// first are taken pair by pair.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/bench.h"

namespace ohm::bench {

// One way to do a group's work.
struct Side {
  std::string name;
  std::function<void()> run;
  double items = 0;  // of one run
  std::string unit;
  double gop = 0;  // 8-bit operations as the arrays do them; 0: none
};

using Sides = std::vector<Side>;

struct Group {
  const char* name;
  Sides (*make)();
};

// Prints one line per side. `peak`: 8-bit Gop/s that gop is compared with; 0:
// none.
void RunGroup(const BenchOptions& options, const Group& group, double peak);

}  // namespace ohm::bench
