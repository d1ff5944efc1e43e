#include "train/spread.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/check.h"
#include "train/table_print.h"

namespace ohm::train {

Spread SpreadOf(std::span<const double> values) {
  OHM_CHECK(!values.empty(), "[spread] expected at least one value, got none");
  const auto count = double(values.size());
  Spread spread;
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  const auto [least, most] = std::ranges::minmax(values);
  spread.min = least;
  spread.max = most;
  // Rounding of the mean must not make equal values differ.
  if (least == most) spread.mean = least;
  if (values.size() == 1) return spread;
  double squares = 0;
  for (const double value : values) {
    squares += (value - spread.mean) * (value - spread.mean);
  }
  spread.deviation = std::sqrt(squares / (count - 1));
  return spread;
}

std::string FormatSpread(const Spread& spread) {
  std::string text = FormatPercent(spread.mean);
  if (std::isfinite(spread.deviation)) {
    text += " ± " + FormatPercent(spread.deviation);
  }
  return text + " (" + FormatPercent(spread.min) + ")";
}

}  // namespace ohm::train
