#include "nn/masks/column_mask.h"

#include "core/base/check.h"
#include "nn/masks/entries.h"

namespace ohm::nn {

std::vector<NamedParameter> ColumnMask::Parameters() const {
  return {{"columns", role_, values_}};
}

PackedMask ColumnMask::Pack() const {
  return {{"columns", PackEntries(Codes(), bits_per_entry())}};
}

void ColumnMask::Unpack(const PackedMask& packed) {
  SetCodes(UnpackEntries(Packed(packed, "columns"), values_.value().count(),
                         bits_per_entry()));
}

std::vector<uint8_t> ColumnMask::ColumnEntries() const {
  return std::vector<uint8_t>(size_t(values_.value().count()), 1);
}

std::map<std::string, Mask::Count> ColumnMask::Counts() const {
  return {{"columns", {values_.value().count(), bits_per_entry()}}};
}

std::unique_ptr<ColumnMask> MakeColumnMask(const std::string& name,
                                           const MaskedLayer& layer,
                                           const MaskOptions& options) {
  // A mask that has factors itself would ask for them without end.
  MaskOptions plain = options;
  plain.factors = "none";
  std::unique_ptr<Mask> mask = FindMask(name).make(layer, plain);
  auto* columns = dynamic_cast<ColumnMask*>(mask.get());
  OHM_CHECK(columns != nullptr,
            "[mask] expected a mask of column factors, got '" + name + "'");
  (void)mask.release();
  return std::unique_ptr<ColumnMask>(columns);
}

}  // namespace ohm::nn
