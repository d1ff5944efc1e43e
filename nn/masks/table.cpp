#include "core/base/check.h"
#include "nn/masks/column_binary.h"
#include "nn/masks/column_scale.h"
#include "nn/masks/column_shift.h"
#include "nn/masks/mask.h"

namespace ohm::nn {

const std::vector<MaskRow>& MaskTable() {
  static const std::vector<MaskRow> table = {
      {"xbm", "column-wise binary masks: a crossbar column is on or off", true,
       MakeColumnBinary},
      {"xma", "column-wise multi-level masks: a power of two, or off", false,
       MakeColumnShift},
      {"scale", "column-wise factors of any size", false, MakeColumnScale},
  };
  return table;
}

const MaskRow& FindMask(const std::string& name) {
  std::string names;
  for (const MaskRow& row : MaskTable()) {
    if (name == row.name) return row;
    names += std::string(names.empty() ? "" : ", ") + row.name;
  }
  ThrowError("[mask] expected one of " + names + ", got '" + name + "'");
}

}  // namespace ohm::nn
