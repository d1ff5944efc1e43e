// What all masks of column factors share: one code per entry.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nn/masks/mask.h"

namespace ohm::nn {

class ColumnMask : public Mask {
 public:
  Var Gain(const MaskPass& pass) override = 0;
  std::vector<uint8_t> ColumnEntries() const override;
  std::vector<NamedParameter> Parameters() const override;
  PackedMask Pack() const override;
  void Unpack(const PackedMask& packed) override;
  std::map<std::string, Count> Counts() const override;

  // The trained values, [row_tiles, outputs].
  const Var& values() const { return values_; }
  virtual int bits_per_entry() const = 0;
  // Entries as the hardware has them, row by row, below 2^bits_per_entry; and
  // back. SetCodes: as many as entries.
  virtual std::vector<uint32_t> Codes() const = 0;
  virtual void SetCodes(std::span<const uint32_t> codes) = 0;

 protected:
  ColumnMask(Role role, Tensor first)
      : role_(role), values_(std::move(first), /*requires_grad=*/true) {}

  Role role_;
  Var values_;
};

// The column mask `name` of the table; Error where that is another kind.
std::unique_ptr<ColumnMask> MakeColumnMask(const std::string& name,
                                           const MaskedLayer& layer,
                                           const MaskOptions& options);

}  // namespace ohm::nn
