// How a field of a spec is bounded and explained to people. A struct names its
// fields to a visitor, one call `visit(name, field, FieldDoc{...})` each;
// config keys, --help and the docs come from there.
#pragma once

#include <limits>
#include <vector>

namespace ohm::hw {

struct FieldDoc {
  const char* unit = "";
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  // Of an enum, in the order of its enumerators, which count from 0.
  std::vector<const char*> choices = {};
  const char* doc = "";
};

}  // namespace ohm::hw
