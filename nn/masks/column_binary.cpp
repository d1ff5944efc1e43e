#include "nn/masks/column_binary.h"

#include "nn/masks/column_mask.h"

namespace ohm::nn {
namespace {

class ColumnBinary : public ColumnMask {
 public:
  ColumnBinary(const Shape& entries, const MaskOptions& options)
      : ColumnMask(Role::kMaskScore, Tensor::Full(entries, options.init)),
        cut_(options.cut) {}

  Var Gain(const MaskPass& pass) override {
    return Binarize(values_, cut_, pass);
  }
  int bits_per_entry() const override { return 1; }

  std::vector<uint32_t> Codes() const override {
    std::vector<uint32_t> codes;
    for (const float r : values_.value().span()) {
      codes.push_back(r > cut_.threshold ? 1 : 0);
    }
    return codes;
  }

  void SetCodes(std::span<const uint32_t> codes) override {
    float* r = values_.mutable_value().data();
    for (size_t i = 0; i < codes.size(); ++i) {
      r[i] = cut_.threshold + (codes[i] == 1 ? 1.0F : -1.0F);
    }
  }

 private:
  Cut cut_;
};

}  // namespace

std::unique_ptr<Mask> MakeColumnBinary(const MaskedLayer& layer,
                                       const MaskOptions& options) {
  return std::make_unique<ColumnBinary>(layer.entries(), options);
}

}  // namespace ohm::nn
