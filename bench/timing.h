// Repeated timing of one thing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/stopwatch.h"
#include "train/run_folder.h"

namespace ohm::bench {

struct Timing {
  double median_ms = 0, min_ms = 0, p90_ms = 0;
  // Distance between the quartiles, in percent of the median: how far the
  // median is to be trusted.
  double spread_percent = 0;
  int runs = 0;
};

// Of at least one time; of an even number the median is half-way between the
// two in the middle.
Timing Summarise(std::vector<double> ms);
double Median(std::vector<double> values);

// Calls `run` a few times to warm up, then until `seconds` have passed, at
// least 5 and at most 1000 times.
Timing Measure(const std::function<void()>& run, double seconds);

// What every case prints: name, timing, `items` per second and threads.
train::Metrics ToMetrics(const std::string& name, const Timing& timing,
                         double items);
// For people, without a line's end:
// "conv ...   1.234 ms (min 1.200, p90 1.300, spread ...)   120.0 GFLOP/s".
std::string ToText(const std::string& name, const Timing& timing, double items,
                   const std::string& unit);

}  // namespace ohm::bench
