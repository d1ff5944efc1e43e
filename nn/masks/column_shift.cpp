#include "nn/masks/column_shift.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "core/base/check.h"
#include "nn/masks/column_binary.h"
#include "nn/masks/column_mask.h"

namespace ohm::nn {
namespace {

constexpr float kLn2 = 0.693147181F;

// The lowest exponent; one below levels.min stands for gain 0.
int Lowest(const ShiftLevels& levels) {
  return levels.min - (levels.zero ? 1 : 0);
}

int ExponentOf(float rho, const ShiftLevels& levels) {
  const float e = std::nearbyint(rho);
  return static_cast<int>(
      std::fmin(std::fmax(e, float(Lowest(levels))), float(levels.max)));
}

float GainOf(int exponent, const ShiftLevels& levels) {
  return exponent < levels.min ? 0.0F : std::ldexp(1.0F, exponent);
}

class ColumnShift : public ColumnMask {
 public:
  ColumnShift(const Shape& entries, const ShiftLevels& levels)
      : ColumnMask(Role::kMaskFactor, Tensor::Zeros(entries)),
        levels_(levels) {}

  Var Gain(const MaskPass& /*pass*/) override {
    return ShiftGain(values_, levels_);
  }
  int bits_per_entry() const override { return levels_.bits(); }

  std::vector<uint32_t> Codes() const override {
    std::vector<uint32_t> codes;
    for (const float rho : values_.value().span()) {
      codes.push_back(uint32_t(ExponentOf(rho, levels_) - Lowest(levels_)));
    }
    return codes;
  }

  void SetCodes(std::span<const uint32_t> codes) override {
    float* rho = values_.mutable_value().data();
    for (size_t i = 0; i < codes.size(); ++i) {
      OHM_CHECK(int(codes[i]) < levels_.count(),
                "[mask] expected levels below " +
                    std::to_string(levels_.count()) + ", got " +
                    std::to_string(codes[i]));
      rho[i] = float(int(codes[i]) + Lowest(levels_));
    }
  }

 private:
  ShiftLevels levels_;
};

Tensor ShiftGradient(const Tensor& rho, const Tensor& gy,
                     const ShiftLevels& levels) {
  Tensor g = gy.Clone();
  const float low = float(Lowest(levels)), high = float(levels.max);
  for (int64_t i = 0; i < g.count(); ++i) {
    const int e = std::max(ExponentOf(rho.data()[i], levels), levels.min);
    float& to = g.data()[i];
    to *= std::ldexp(kLn2, e);
    const bool outward =
        (rho.data()[i] <= low && to > 0) || (rho.data()[i] >= high && to < 0);
    if (outward) to = 0;
  }
  return g;
}

}  // namespace

int ShiftLevels::bits() const {
  return std::max(1, static_cast<int>(std::bit_width(unsigned(count() - 1))));
}

Var ShiftGain(const Var& rho, const ShiftLevels& levels) {
  Tensor gain = Tensor::Empty(rho.shape());
  for (int64_t i = 0; i < gain.count(); ++i) {
    gain.data()[i] = GainOf(ExponentOf(rho.value().data()[i], levels), levels);
  }
  return Record("shift gain", std::move(gain), {rho},
                [r = rho.value(), levels](const BackwardCall& call) {
                  return std::vector{ShiftGradient(r, call.grad_out, levels)};
                });
}

std::unique_ptr<Mask> MakeColumnShift(const MaskedLayer& layer,
                                      const MaskOptions& options) {
  const ShiftLevels& levels = options.levels;
  OHM_CHECK(levels.min <= 0 && levels.max >= 0,
            "[mask] expected levels with 2^0, at which masks start, got 2^" +
                std::to_string(levels.min) + " to 2^" +
                std::to_string(levels.max));
  if (levels.min == 0 && levels.max == 0 && levels.zero) {
    return MakeColumnBinary(layer, options);
  }
  return std::make_unique<ColumnShift>(layer.entries(), levels);
}

}  // namespace ohm::nn
