#include "nn/masks/column_scale.h"

#include <bit>

#include "nn/masks/column_mask.h"

namespace ohm::nn {
namespace {

class ColumnScale : public ColumnMask {
 public:
  explicit ColumnScale(const Shape& entries)
      : ColumnMask(Role::kMaskFactor, Tensor::Full(entries, 1.0F)) {}

  Var Gain(const MaskPass& /*pass*/) override { return values_; }
  int bits_per_entry() const override { return 32; }

  std::vector<uint32_t> Codes() const override {
    std::vector<uint32_t> codes;
    for (const float gain : values_.value().span()) {
      codes.push_back(std::bit_cast<uint32_t>(gain));
    }
    return codes;
  }

  void SetCodes(std::span<const uint32_t> codes) override {
    float* gain = values_.mutable_value().data();
    for (size_t i = 0; i < codes.size(); ++i) {
      gain[i] = std::bit_cast<float>(codes[i]);
    }
  }
};

}  // namespace

std::unique_ptr<Mask> MakeColumnScale(const MaskedLayer& layer,
                                      const MaskOptions& /*options*/) {
  return std::make_unique<ColumnScale>(layer.entries());
}

}  // namespace ohm::nn
