// Column masks: what they store, what they multiply by, and their gradients.
#include <doctest/doctest.h>

#include <cmath>

#include "core/base/check.h"
#include "nn/masks/column_binary.h"
#include "nn/masks/column_shift.h"
#include "nn/masks/entries.h"
#include "nn/masks/mask.h"
#include "tests/support/gradient_check.h"

namespace ohm::test {
namespace {

TEST_CASE("masks: entries are packed lowest bit first") {
  const Tensor packed = nn::PackEntries(std::vector<uint32_t>{5, 2, 7}, 3);
  CHECK(packed.shape() == Shape{2});  // 9 bits
  CHECK(packed.data<uint8_t>()[0] == (5 | 2 << 3 | (7 & 3) << 6));
  CHECK(packed.data<uint8_t>()[1] == 7 >> 2);
  CHECK(nn::UnpackEntries(packed, 3, 3) == std::vector<uint32_t>{5, 2, 7});
  CHECK_THROWS_AS(nn::UnpackEntries(packed, 6, 3), Error);
}

TEST_CASE("masks: every kind starts at 1 and comes back from its bits") {
  for (const nn::MaskRow& row : nn::MaskTable()) {
    CAPTURE(row.name);
    const auto mask = row.make({3, 7}, {});
    for (const float gain : mask->Gain().value().span()) CHECK(gain == 1.0F);
    Var scores = mask->scores();
    const Tensor moved = RandomTensor({3, 7}, Key(4));
    for (int64_t i = 0; i < moved.count(); ++i) {
      scores.mutable_value().data()[i] += 2 * moved.data()[i];
    }
    const Tensor gain = mask->Gain().value().Clone();
    const Tensor packed = mask->Pack();
    CHECK(packed.count() == (21 * mask->bits_per_entry() + 7) / 8);
    const auto copy = row.make({3, 7}, {});
    copy->Unpack(packed);
    CHECK(BitEqual(copy->Gain().value(), gain));
    CHECK(BitEqual(copy->Pack(), packed));
    CHECK_THROWS_AS(copy->Unpack(Tensor::Zeros({1}, DType::kU8)), Error);
  }
}

Tensor Gains(std::vector<float> rho, const nn::ShiftLevels& levels) {
  const auto count = int64_t(rho.size());
  return nn::ShiftGain(Var(Tensor::From({count}, std::move(rho))), levels)
      .value();
}

TEST_CASE("masks: shifts are the powers of two next to their exponents") {
  const nn::ShiftLevels levels{.min = -2, .max = 1, .zero = true};
  CHECK(levels.count() == 5);
  CHECK(levels.bits() == 3);
  CHECK(BitEqual(
      Gains({0, 0.4F, 0.6F, 9, -0.7F, -2.4F, -2.6F, -50}, levels),
      Tensor::From({8}, std::vector<float>{1, 1, 2, 2, 0.5F, 0.25F, 0, 0})));
  const nn::ShiftLevels never_off{.min = -2, .max = 1, .zero = false};
  CHECK(never_off.bits() == 2);
  CHECK(Gains({-50}, never_off).item() == 0.25F);
  CHECK_THROWS_AS(nn::MakeColumnShift({1, 1}, {.levels = {1, 2, true}}), Error);
}

// Between two levels the staircase 2^round(rho) rises as 2^rho does.
TEST_CASE("masks: the gradient of a shift is that of its power of two") {
  const nn::ShiftLevels levels{.min = -2, .max = 1, .zero = true};
  const auto gradient = [&](float rho, float gy) {
    Var r(Tensor::Full({1}, rho), true);
    Backward(nn::ShiftGain(r, levels), Tensor::Full({1}, gy));
    return double(r.grad().item());
  };
  const double step = 1e-6;
  for (const double e : {-2.0, -1.0, 0.0, 1.0}) {
    const double slope = (std::exp2(e + step) - std::exp2(e - step)) / 2 / step;
    CHECK(gradient(float(e) + 0.2F, e == 1.0 ? 3.0F : -3.0F) ==
          doctest::Approx(e == 1.0 ? 3 * slope : -3 * slope));
  }
  // A column that is off can come back; at either end nothing leads further.
  CHECK(gradient(-3.0F, -1.0F) == doctest::Approx(-0.25 * std::log(2.0)));
  CHECK(gradient(-3.1F, 1.0F) == 0.0);
  CHECK(gradient(1.3F, -1.0F) == 0.0);
  CHECK(gradient(1.3F, 1.0F) == doctest::Approx(2 * std::log(2.0)));
}

TEST_CASE("masks: XMA with the levels 0 and 1 is XBM") {
  const nn::MaskOptions options{.levels = {0, 0, true}};
  const auto xma = nn::MakeColumnShift({4, 5}, options);
  const auto xbm = nn::MakeColumnBinary({4, 5}, options);
  const Tensor moved = RandomTensor({4, 5}, Key(6)),
               u = RandomTensor({4, 5}, Key(7));
  for (const auto* mask : {xma.get(), xbm.get()}) {
    Var scores = mask->scores();
    for (int64_t i = 0; i < moved.count(); ++i) {
      scores.mutable_value().data()[i] += 0.02F * moved.data()[i];
    }
  }
  CHECK(BitEqual(xma->Gain().value(), xbm->Gain().value()));
  CHECK(BitEqual(xma->Pack(), xbm->Pack()));
  Backward(xma->Gain(), u.Clone());
  Backward(xbm->Gain(), u.Clone());
  CHECK(BitEqual(xma->scores().grad(), xbm->scores().grad()));
}

}  // namespace
}  // namespace ohm::test
