#include "train/tasks/method.h"

#include "core/base/check.h"

namespace ohm::train {

const std::vector<MethodRow>& MethodTable() {
  static const std::vector<MethodRow> table = {
      {"head", "a linear head of its own; everything else is the backbone's",
       "", false},
      {"bn", "head and batch norm: the honest floor for any column scale", "",
       true},
      {"xbm", "head, batch norm and one on/off bit per crossbar column (XBM)",
       "xbm", true},
      {"xma", "head, batch norm and a power of two, or 0, per column (XMA)",
       "xma", true},
      {"scale",
       "head, batch norm and any factor per column: xma without levels",
       "scale", true},
  };
  return table;
}

const MethodRow& FindMethod(const std::string& name) {
  std::string names;
  for (const MethodRow& row : MethodTable()) {
    if (name == row.name) return row;
    names += std::string(names.empty() ? "" : ", ") + row.name;
  }
  ThrowError("[tasks] expected one of the methods " + names + ", got '" + name +
             "'");
}

}  // namespace ohm::train
