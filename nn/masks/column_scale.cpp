#include "nn/masks/column_scale.h"

#include <bit>
#include <vector>

#include "nn/masks/entries.h"

namespace ohm::nn {
namespace {

class ColumnScale : public ColumnMask {
 public:
  explicit ColumnScale(const Shape& entries)
      : gain_(Tensor::Full(entries, 1.0F), /*requires_grad=*/true) {}

  Var Gain() override { return gain_; }
  Var scores() const override { return gain_; }
  int bits_per_entry() const override { return 32; }

  Tensor Pack() const override {
    std::vector<uint32_t> codes;
    for (const float gain : gain_.value().span()) {
      codes.push_back(std::bit_cast<uint32_t>(gain));
    }
    return PackEntries(codes, 32);
  }

  void Unpack(const Tensor& packed) override {
    Tensor& gain = gain_.mutable_value();
    const auto codes = UnpackEntries(packed, gain.count(), 32);
    for (size_t i = 0; i < codes.size(); ++i) {
      gain.data()[i] = std::bit_cast<float>(codes[i]);
    }
  }

 private:
  Var gain_;
};

}  // namespace

std::unique_ptr<ColumnMask> MakeColumnScale(const Shape& entries,
                                            const MaskOptions& /*options*/) {
  return std::make_unique<ColumnScale>(entries);
}

}  // namespace ohm::nn
