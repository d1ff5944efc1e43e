// What the values of several chips have in common.
#pragma once

#include <limits>
#include <span>
#include <string>

namespace ohm::train {

struct Spread {
  double mean = 0;
  // Of a sample, sqrt(sum of (x - mean)^2 / (n - 1)); NaN where n is 1.
  double deviation = std::numeric_limits<double>::quiet_NaN();
  double min = 0, max = 0;
};

// Error where there is no value.
Spread SpreadOf(std::span<const double> values);

// Of shares, in percent: "91.23 ± 0.12 (91.02)", that is mean, deviation and
// minimum; without the deviation where there is none.
std::string FormatSpread(const Spread& spread);

}  // namespace ohm::train
