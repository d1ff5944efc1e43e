// Masks: what they store, what they make of weights and sums, their gradients.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "nn/masks/column_binary.h"
#include "nn/masks/column_scale.h"
#include "nn/masks/column_shift.h"
#include "nn/masks/element.h"
#include "nn/masks/entries.h"
#include "nn/masks/kernel.h"
#include "nn/masks/pe.h"
#include "tests/nn/masked_layer.h"
#include "tests/support/near.h"

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

Tensor GainOf(nn::Mask* mask, const nn::MaskedLayer& layer) {
  const Var gain = mask->Gain({});
  return gain.defined() ? gain.value() : Tensor::Full(layer.entries(), 1.0F);
}

// Every other PE, as an importance might choose them.
void ChooseSome(nn::Mask* mask) {
  auto* pes = dynamic_cast<nn::PeMask*>(mask);
  if (pes == nullptr) return;
  std::vector<uint8_t> chosen(pes->chosen().size());
  for (size_t i = 0; i < chosen.size(); ++i) chosen[i] = i % 2 == 0 ? 1 : 0;
  pes->Choose(chosen);
}

TEST_CASE("masks: every kind starts as the backbone, and from its bits") {
  const nn::MaskedLayer layer = Layer();
  for (const nn::MaskRow& row : nn::MaskTable()) {
    CAPTURE(row.name);
    const auto mask = row.make(layer, {});
    CHECK(
        BitEqual(mask->Weights(Var(layer.weights), {}).value(), layer.weights));
    for (const float gain : GainOf(mask.get(), layer).span()) {
      CHECK(gain == 1.0F);
    }
    ChooseSome(mask.get());
    CHECK(
        BitEqual(mask->Weights(Var(layer.weights), {}).value(), layer.weights));
    Disturb(mask.get(), 4);
    const Tensor codes = CodesOf(mask.get(), layer);
    const Tensor gain = GainOf(mask.get(), layer).Clone();
    const auto packed = mask->Pack();
    for (const auto& [kind, count] : mask->Counts()) {
      CAPTURE(kind);
      CHECK(packed.at(kind).count() ==
            (count.entries * count.bits_each + 7) / 8);
    }
    CHECK(packed.size() == mask->Counts().size());
    const auto copy = row.make(layer, {});
    copy->Unpack(packed);
    CHECK(BitEqual(CodesOf(copy.get(), layer), codes));
    CHECK(BitEqual(GainOf(copy.get(), layer), gain));
    const auto again = copy->Pack();
    for (const auto& [kind, bits] : packed) {
      CHECK(BitEqual(again.at(kind), bits));
    }
    CHECK_THROWS_AS(copy->Unpack({}), Error);
    auto broken = packed;
    for (auto& [kind, bits] : broken) bits = Tensor::Zeros({1}, DType::kU8);
    CHECK_THROWS_AS(copy->Unpack(broken), Error);
  }
}

// With the identity estimator the gradient of a binary mask is that of its
// factor taken as a real number.
TEST_CASE("masks: thresholds cut, and pass gradients as their estimators say") {
  Var r(Tensor::From({4}, std::vector<float>{5e-3F, 0.03F, -1.0F, 0.2F}), true);
  const auto value = nn::Binarize(r, {}).value();
  CHECK(BitEqual(value, Tensor::From({4}, std::vector<float>{0, 1, 0, 1})));
  CHECK(BitEqual(nn::Ternarize(r, 5e-3F).value(),
                 Tensor::From({4}, std::vector<float>{0, 1, -1, 1})));
  const Tensor u = RandomTensor({4}, Key(2));
  const auto gradient = [&](nn::Estimator estimator) {
    r.ClearGrad();
    Backward(nn::Binarize(r, {.estimator = estimator}), u.Clone());
    return r.grad().Clone();
  };
  CHECK(BitEqual(gradient(nn::Estimator::kIdentity), u));
  const Tensor clipped = gradient(nn::Estimator::kClipped);
  CHECK(clipped.data()[1] == u.data()[1]);
  CHECK(clipped.data()[2] == 0.0F);
  CHECK(clipped.data()[3] == 0.0F);
  const auto s = [](double x) { return 1 / (1 + std::exp(-12 * (x - 5e-3))); };
  const Tensor sigmoid = gradient(nn::Estimator::kSigmoid);
  for (const int i : {1, 3}) {
    const double at = double(r.value().data()[i]);
    const double slope = (s(at + 1e-6) - s(at - 1e-6)) / 2e-6;
    CHECK(double(sigmoid.data()[i]) == Near(slope * double(u.data()[i]), 1e-4));
  }
}

// Near the threshold noise decides, in training only; its standard deviation
// is pi / sqrt(3) / 100 in units of the surrogate.
TEST_CASE("masks: Gumbel noise flips scores near the threshold in training") {
  const nn::Cut cut{.estimator = nn::Estimator::kGumbel};
  const int64_t count = 20000;
  const float sigma = 0.01F * 1.8138F / 12.0F;
  const Var r(Tensor::Full({count}, cut.threshold + sigma));
  const auto on = [&](const nn::MaskPass& pass) {
    double sum = 0;
    for (const float b : nn::Binarize(r, cut, pass).value().span()) {
      sum += double(b);
    }
    return sum / double(count);
  };
  CHECK(on({}) == 1.0);
  // P(logistic of that deviation > -sigma) = 1 / (1 + exp(-pi / sqrt 3)).
  const double expected = 1 / (1 + std::exp(-1.8138));
  const double four_sigmas = 4 * std::sqrt(expected * (1 - expected) / count);
  const double share = on({.training = true, .noise = Key(3)});
  CHECK(std::fabs(share - expected) < four_sigmas);
  CHECK(share == on({.training = true, .noise = Key(3)}));
  CHECK(share != on({.training = true, .noise = Key(4)}));
}

// W' = M W per kernel: gradients against differences of the real-valued factor.
TEST_CASE("masks: kernels are scaled as one, and soft ones keep a share") {
  const nn::MaskedLayer layer = Layer();
  const auto mask = nn::MakeKernelSoft(layer, {});
  Var scores = mask->Parameters()[0].var;
  CHECK(scores.shape() == Shape{7, 4});
  scores.mutable_value().data()[0] = -0.3F;
  scores.mutable_value().data()[1] = -0.1F;
  scores.mutable_value().data()[2] = 0.002F;
  // Shares (r + 0.3) / 0.302 / 2 of the scores that are off.
  const double expected[] = {0.0, 0.2 / 0.302 / 2, 0.5, 1.0};
  const Tensor w = mask->Weights(Var(layer.weights), {}).value();
  for (int64_t p = 0; p < 9; ++p) {
    for (int64_t i = 0; i < 4; ++i) {
      const int64_t at = p * 4 + i;  // of output 0
      CHECK(double(w.data()[at]) ==
            Near(expected[i] * double(layer.weights.data()[at]), 1e-5));
    }
  }
  CHECK(CheckGradients(
            [](const std::vector<Var>& in) {
              return nn::ScaleKernels(in[0], in[1]);
            },
            {layer.weights, RandomTensor({7, 4}, Key(8))}, Key(10))
            .empty());
}

TEST_CASE("masks: factors are whole steps, and end at their ends") {
  Var v(Tensor::From({6}, std::vector<float>{1, 0.99F, -0.27F, 3, -3, 1.9F}),
        true);
  // 4 bits: quarters from -2 to 1.75.
  const Var gain = nn::ScaleGain(v, 4);
  CHECK(BitEqual(
      gain.value(),
      Tensor::From({6}, std::vector<float>{1, 1, -0.25F, 1.75F, -2, 1.75F})));
  const auto gradient = [&](float sign) {
    v.ClearGrad();
    Backward(nn::ScaleGain(v, 4), Tensor::Full({6}, sign));
    return v.grad().Clone();
  };
  // A step is against the gradient: beyond an end only inward ones pass.
  CHECK(BitEqual(gradient(1),
                 Tensor::From({6}, std::vector<float>{1, 1, 1, 1, 0, 1})));
  CHECK(BitEqual(gradient(-1),
                 Tensor::From({6}, std::vector<float>{-1, -1, -1, 0, -1, 0})));
  CHECK(BitEqual(nn::ScaleGain(v, 0).value(), v.value()));
  const nn::MaskedLayer layer = Layer();
  CHECK(nn::MakeColumnScale(layer, {.scale_bits = 0})
            ->Counts()["columns"]
            .bits_each == 32);
  CHECK_THROWS_AS(nn::MakeColumnScale(layer, {.scale_bits = 1}), Error);
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
  CHECK_THROWS_AS(nn::MakeColumnShift(Layer(), {.levels = {1, 2, true}}),
                  Error);
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
          Near(e == 1.0 ? 3 * slope : -3 * slope));
  }
  // A column that is off can come back; at either end nothing leads further.
  CHECK(gradient(-3.0F, -1.0F) == Near(-0.25 * std::log(2.0)));
  CHECK(gradient(-3.1F, 1.0F) == 0.0);
  CHECK(gradient(1.3F, -1.0F) == 0.0);
  CHECK(gradient(1.3F, 1.0F) == Near(2 * std::log(2.0)));
}

TEST_CASE("masks: a ternary mask wants a threshold that is not negative") {
  CHECK_THROWS_WITH_AS(
      nn::MakeElementTernary(Layer(), {.cut = {.threshold = -0.1F}}),
      doctest::Contains("tasks.mask_threshold: expected at least 0"), Error);
}

// Exponents without any but 0 decide as XBM's scores do, at -0.5.
TEST_CASE("masks: shifts of the levels 0 and 1 are a binary cut") {
  const nn::ShiftLevels levels{.min = 0, .max = 0, .zero = true};
  CHECK(levels.bits() == 1);
  const Tensor scores = RandomTensor({1000}, Key(11));
  const Tensor shifts = nn::ShiftGain(Var(scores), levels).value();
  const Tensor cuts =
      nn::Binarize(Var(scores), {.threshold = -0.5F}, {}).value();
  CHECK(BitEqual(shifts, cuts));
  CHECK(std::ranges::count_if(cuts.span(), [](float c) { return c == 0; }) >
        100);
}

TEST_CASE("masks: XMA with the levels 0 and 1 is XBM") {
  const nn::MaskedLayer layer = Layer();
  const auto xma = nn::MakeColumnShift(layer, {.levels = {0, 0, true}});
  const auto xbm = nn::MakeColumnBinary(layer, {});
  const Tensor u = RandomTensor(layer.entries(), Key(7));
  for (nn::Mask* mask : {xma.get(), xbm.get()}) {
    Disturb(mask, 6);
    Backward(mask->Gain({}), u.Clone());
  }
  CHECK(BitEqual(xma->Gain({}).value(), xbm->Gain({}).value()));
  CHECK(BitEqual(xma->Pack().at("columns"), xbm->Pack().at("columns")));
  CHECK(BitEqual(xma->Parameters()[0].var.grad(),
                 xbm->Parameters()[0].var.grad()));
}

}  // namespace
}  // namespace ohm::test
