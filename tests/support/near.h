// Comparing numbers by their relative difference.
#pragma once

#include <doctest/doctest.h>

namespace ohm::test {

// Equal to what differs from `value` by less than `relative` times the larger
// of the two; 0 to itself alone. (Bare, doctest::Approx allows epsilon times 1
// more than that, by which small numbers equal anything.)
inline doctest::Approx Near(double value, double relative = 1e-5) {
  return doctest::Approx(value).scale(1e-100).epsilon(relative);
}

}  // namespace ohm::test
