#include "nn/masks/element.h"

#include "core/base/check.h"
#include "core/ops/mul.h"
#include "nn/masks/entries.h"

namespace ohm::nn {
namespace {

enum class Kind : uint8_t { kBinary, kTernary };

class ElementMask : public Mask {
 public:
  ElementMask(const Shape& weights, const MaskOptions& options, Kind kind)
      : kind_(kind),
        cut_(options.cut),
        scores_(Tensor::Full(weights, options.init), /*requires_grad=*/true) {
    OHM_CHECK(kind == Kind::kBinary || cut_.threshold >= 0,
              "tasks.mask_threshold: expected at least 0 for masks of -1, 0 "
              "and 1, whose scores below 0 stand for -1, got " +
                  std::to_string(cut_.threshold));
  }

  Var Weights(const Var& backbone, const MaskPass& pass) override {
    return Mul(backbone, kind_ == Kind::kBinary
                             ? Binarize(scores_, cut_, pass)
                             : Ternarize(scores_, cut_.threshold));
  }
  bool rewrites() const override { return true; }

  std::vector<NamedParameter> Parameters() const override {
    return {{"elements", Role::kMaskScore, scores_}};
  }

  // Codes: 0, 1, and 2 for -1.
  PackedMask Pack() const override {
    std::vector<uint32_t> codes;
    for (const float r : scores_.value().span()) {
      const uint32_t negative = kind_ == Kind::kTernary && r < 0 ? 2 : 0;
      codes.push_back(r > cut_.threshold ? 1 : negative);
    }
    return {{"elements", PackEntries(codes, bits())}};
  }

  void Unpack(const PackedMask& packed) override {
    Tensor& r = scores_.mutable_value();
    const auto codes =
        UnpackEntries(Packed(packed, "elements"), r.count(), bits());
    const float off = kind_ == Kind::kTernary ? 0.0F : cut_.threshold;
    const float scores[] = {off, cut_.threshold + 1.0F, -1.0F};
    for (size_t i = 0; i < codes.size(); ++i) {
      OHM_CHECK(codes[i] < 3, "[mask] expected elements 0, 1 and 2, got 3");
      r.data()[i] = scores[codes[i]];
    }
  }

  std::map<std::string, Count> Counts() const override {
    return {{"elements", {scores_.value().count(), bits()}}};
  }

 private:
  int bits() const { return kind_ == Kind::kBinary ? 1 : 2; }

  Kind kind_;
  Cut cut_;
  Var scores_;
};

}  // namespace

std::unique_ptr<Mask> MakeElementBinary(const MaskedLayer& layer,
                                        const MaskOptions& options) {
  return std::make_unique<ElementMask>(layer.weights.shape(), options,
                                       Kind::kBinary);
}

std::unique_ptr<Mask> MakeElementTernary(const MaskedLayer& layer,
                                         const MaskOptions& options) {
  return std::make_unique<ElementMask>(layer.weights.shape(), options,
                                       Kind::kTernary);
}

}  // namespace ohm::nn
