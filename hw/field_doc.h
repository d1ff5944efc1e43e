// How a field of a spec is bounded and explained to people. A struct names its
// fields to a visitor, one call `visit(name, field, FieldDoc{...})` each;
// config keys, --help and the docs come from there.
#pragma once

#include <limits>
#include <string>
#include <vector>

namespace ohm::hw {

struct FieldDoc {
  const char* unit = "";
  // Of numbers, of each number in a list, and of a duration's count.
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  // Of enums, in the order of the enumerators, which count from 0; of strings,
  // and of each string in a list. Empty: any.
  std::vector<std::string> choices = {};
  const char* doc = "";  // one sentence
};

}  // namespace ohm::hw
