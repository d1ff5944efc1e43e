// How one field of a config is named, bounded and explained to people.
#pragma once

#include <limits>
#include <vector>

namespace ohm::hw {

struct FieldDoc {
  const char* unit = "";
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  std::vector<const char*> choices = {};
  const char* doc = "";
};

}  // namespace ohm::hw
