#include "train/tasks/method.h"

#include "core/base/table.h"

namespace ohm::train {

const std::vector<MethodRow>& MethodTable() {
  static const std::vector<MethodRow> table = {
      {"head",
       "a linear head of its own, batch norm is the backbone's whatever "
       "tasks.norm says",
       "", false, false},
      {"bn", "head and batch norm: the honest floor for any column scale", "",
       true, false},
      {"xbm", "one on/off bit per crossbar column (XBM)", "xbm", true, false},
      {"xma", "a power of two, or 0, per column (XMA)", "xma", true, false},
      {"scale", "a factor from -2 to 2 per column, of tasks.scale_bits",
       "scale", true, false},
      {"xma2",
       "PEs that are reprogrammed within tasks.budget, and factors per column "
       "in the others (XMA2)",
       "xma2", true, true},
      {"xst",
       "columns that are reprogrammed within tasks.budget, the others on or "
       "off (XST)",
       "xst", true, true},
      {"piggyback", "one on/off bit per weight (Piggyback)", "piggyback", true,
       false},
      {"piggyback3", "-1, 0 or 1 per weight (Piggyback, ternary)", "piggyback3",
       true, false},
      {"ksm", "a factor per kernel: 1, or a soft share of it (KSM)", "ksm",
       true, false},
      {"ksm_hard", "one on/off bit per kernel (KSM, hard)", "ksm_hard", true,
       false},
      {"full", "full fine-tuning: every weight is trained", "full", true,
       false},
  };
  return table;
}

const MethodRow& FindMethod(const std::string& name) {
  return FindRow(MethodTable(), name, "[tasks] method:");
}

}  // namespace ohm::train
