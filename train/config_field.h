// How an options struct describes its fields, so that parsing, range checks,
// resolved configs, --help and the docs table all come from one place:
//
//   template <typename V>
//   void Visit(V&& visit) {
//     visit("epochs", epochs,
//           FieldDoc{.unit = "epochs", .min = 1, .max = 1e5, .doc = "..."});
//   }
#pragma once

#include <limits>
#include <string>
#include <vector>

namespace ohm::train {

struct FieldDoc {
  const char* unit = "";
  // Of numbers, of each number in a list, and of a duration's count.
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  // Of strings, of each string in a list, and of enums (then in the order of
  // the enumerators, which count from 0). Empty: any.
  std::vector<std::string> choices = {};
  const char* doc = "";  // one sentence
};

}  // namespace ohm::train
