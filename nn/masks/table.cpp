#include "core/base/table.h"

#include "core/base/check.h"
#include "nn/masks/column_binary.h"
#include "nn/masks/column_scale.h"
#include "nn/masks/column_shift.h"
#include "nn/masks/element.h"
#include "nn/masks/kernel.h"
#include "nn/masks/mask.h"
#include "nn/masks/own_weights.h"
#include "nn/masks/pe.h"

namespace ohm::nn {

const std::vector<MaskRow>& MaskTable() {
  static const std::vector<MaskRow> table = {
      {"xbm", "column-wise binary masks: a crossbar column is on or off",
       MakeColumnBinary},
      {"xma", "column-wise multi-level masks: a power of two, or off",
       MakeColumnShift},
      {"scale", "column-wise factors from -2 to 2", MakeColumnScale},
      {"xma2", "PE-wise masks: reprogrammed PEs, column factors elsewhere",
       MakePe},
      {"xst", "columns that are reprogrammed, on or off", MakeSparseColumns},
      {"piggyback", "element-wise binary masks of the weights",
       MakeElementBinary},
      {"piggyback3", "element-wise ternary masks of the weights",
       MakeElementTernary},
      {"ksm", "kernel-wise masks with a soft part", MakeKernelSoft},
      {"ksm_hard", "kernel-wise binary masks", MakeKernelHard},
      {"full", "weights of its own in every cell", MakeOwnWeights},
  };
  return table;
}

const MaskRow& FindMask(const std::string& name) {
  return FindRow(MaskTable(), name, "[mask]");
}

Var Mask::Weights(const Var& backbone, const MaskPass& /*pass*/) {
  return backbone;
}

Var Mask::Gain(const MaskPass& /*pass*/) { return {}; }

const Tensor& Packed(const PackedMask& packed, const std::string& kind) {
  const auto found = packed.find(kind);
  OHM_CHECK(found != packed.end(),
            "[mask] expected '" + kind + "' among the mask's entries");
  return found->second;
}

}  // namespace ohm::nn
