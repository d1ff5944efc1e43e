#include "nn/masks/column_scale.h"

#include <bit>
#include <cmath>

#include "core/base/check.h"
#include "nn/masks/column_mask.h"

namespace ohm::nn {
namespace {

// Steps between 0 and 1.
float StepsOf(int bits) { return std::ldexp(1.0F, bits - 2); }

// Whole steps from -2 to one below 2.
float CodeOf(float value, int bits) {
  const float end = 2 * StepsOf(bits);
  return std::fmin(std::fmax(std::nearbyint(value * StepsOf(bits)), -end),
                   end - 1);
}

class ColumnScale : public ColumnMask {
 public:
  ColumnScale(const Shape& entries, int bits)
      : ColumnMask(Role::kMaskFactor, Tensor::Full(entries, 1.0F)),
        bits_(bits) {}

  Var Gain(const MaskPass& /*pass*/) override {
    return ScaleGain(values_, bits_);
  }
  int bits_per_entry() const override { return bits_ == 0 ? 32 : bits_; }

  // Two's complement of whole steps; floats as their bits.
  std::vector<uint32_t> Codes() const override {
    std::vector<uint32_t> codes;
    const uint32_t mask = bits_ == 0 ? ~0U : (1U << bits_) - 1;
    for (const float v : values_.value().span()) {
      codes.push_back(bits_ == 0 ? std::bit_cast<uint32_t>(v)
                                 : uint32_t(int32_t(CodeOf(v, bits_))) & mask);
    }
    return codes;
  }

  void SetCodes(std::span<const uint32_t> codes) override {
    float* to = values_.mutable_value().data();
    for (size_t i = 0; i < codes.size(); ++i) {
      if (bits_ == 0) {
        to[i] = std::bit_cast<float>(codes[i]);
        continue;
      }
      const int unused = 32 - bits_;
      to[i] = float(int32_t(codes[i] << unused) >> unused) / StepsOf(bits_);
    }
  }

 private:
  int bits_;
};

Tensor ScaleGradient(const Tensor& values, const Tensor& gy, int bits) {
  Tensor g = gy.Clone();
  const float end = 2 - 1 / StepsOf(bits);
  for (int64_t i = 0; i < g.count(); ++i) {
    float& to = g.data()[i];
    const float at = values.data()[i];
    if ((at <= -2 && to > 0) || (at >= end && to < 0)) to = 0;
  }
  return g;
}

}  // namespace

Var ScaleGain(const Var& values, int bits) {
  if (bits == 0) return values;
  Tensor gain = Tensor::Empty(values.shape());
  for (int64_t i = 0; i < gain.count(); ++i) {
    gain.data()[i] = CodeOf(values.value().data()[i], bits) / StepsOf(bits);
  }
  return Record("scale gain", std::move(gain), {values},
                [v = values.value(), bits](const BackwardCall& call) {
                  return std::vector{ScaleGradient(v, call.grad_out, bits)};
                });
}

std::unique_ptr<Mask> MakeColumnScale(const MaskedLayer& layer,
                                      const MaskOptions& options) {
  const int bits = options.scale_bits;
  OHM_CHECK(bits == 0 || (bits >= 2 && bits <= 16),
            "[mask] expected factors of 2 to 16 bits, or 0 for floats, got " +
                std::to_string(bits));
  return std::make_unique<ColumnScale>(layer.entries(), bits);
}

}  // namespace ohm::nn
