#include "nn/masks/column_shift.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "core/base/check.h"
#include "nn/masks/column_binary.h"
#include "nn/masks/entries.h"

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
      : levels_(levels),
        rho_(Tensor::Full(entries, 0.0F), /*requires_grad=*/true) {}

  Var Gain() override { return ShiftGain(rho_, levels_); }
  Var scores() const override { return rho_; }
  int bits_per_entry() const override { return levels_.bits(); }

  Tensor Pack() const override {
    std::vector<uint32_t> codes;
    for (const float rho : rho_.value().span()) {
      codes.push_back(uint32_t(ExponentOf(rho, levels_) - Lowest(levels_)));
    }
    return PackEntries(codes, levels_.bits());
  }

  void Unpack(const Tensor& packed) override {
    Tensor& rho = rho_.mutable_value();
    const auto codes = UnpackEntries(packed, rho.count(), levels_.bits());
    for (size_t i = 0; i < codes.size(); ++i) {
      OHM_CHECK(int(codes[i]) < levels_.count(),
                "[mask] expected levels below " +
                    std::to_string(levels_.count()) + ", got " +
                    std::to_string(codes[i]));
      rho.data()[i] = float(int(codes[i]) + Lowest(levels_));
    }
  }

 private:
  ShiftLevels levels_;
  Var rho_;
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

std::unique_ptr<ColumnMask> MakeColumnShift(const Shape& entries,
                                            const MaskOptions& options) {
  const ShiftLevels& levels = options.levels;
  OHM_CHECK(levels.min <= 0 && levels.max >= 0,
            "[mask] expected levels with 2^0, at which masks start, got 2^" +
                std::to_string(levels.min) + " to 2^" +
                std::to_string(levels.max));
  if (levels.min == 0 && levels.max == 0 && levels.zero) {
    return MakeColumnBinary(entries, options);
  }
  return std::make_unique<ColumnShift>(entries, levels);
}

}  // namespace ohm::nn
