// Largest errors that a NaN does not slip through.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace ohm::test {

// The larger of two errors; one that is no number is the largest of all.
// (std::max(worst, NaN) is `worst`.)
inline double Worse(double worst, double error) {
  if (std::isnan(error)) return std::numeric_limits<double>::infinity();
  return std::max(worst, error);
}

}  // namespace ohm::test
