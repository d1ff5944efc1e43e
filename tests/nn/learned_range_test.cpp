// ADC ranges that gradient descent learns.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "nn/crossbar_policy.h"
#include "nn/layers/conv2d.h"
#include "tests/support/gradient_check.h"

namespace ohm::test {
namespace {

void CalibrateOn(nn::Module* model, const Tensor& images) {
  const NoGrad off;
  model->Forward(Var(images), {.calibrating = true});
}

std::unique_ptr<nn::Conv2d> LearningLayer() {
  hw::CrossbarSpec spec;
  spec.adc_bits = 4;
  spec.calibration = hw::Calibration::kLearned;
  auto layer = nn::SquareConv2d(12, 8, 3, 1, 1, Key(60));
  nn::MapToCrossbar(layer.get(), nn::EveryLeaf, spec);
  return layer;
}

Var LearnedRange(nn::Module& layer) {
  const auto parameters = layer.Parameters();
  const auto at = std::ranges::find(parameters, "crossbar.adc_range",
                                    &nn::NamedParameter::name);
  REQUIRE(at != parameters.end());
  return at->var;
}

TEST_CASE("a learned ADC range is a parameter that gradient descent improves") {
  const auto layer = LearningLayer();
  const Tensor x = RandomTensor({2, 9, 9, 12}, Key(61));
  const auto digital = nn::SquareConv2d(12, 8, 3, 1, 1, Key(60));
  const Tensor ideal = digital->Forward(Var(x), {}).value();
  CalibrateOn(layer.get(), x);
  Var range = LearnedRange(*layer);
  for (float& r : range.mutable_value().span()) {
    CHECK(r > 0);
    r *= 4;  // far too coarse
  }
  double first = 0, last = 0;
  for (int step = 0; step < 150; ++step) {
    const Var y = layer->Forward(Var(x), {.training = true});
    Tensor gy = y.value().Clone();
    double error = 0;
    for (int64_t i = 0; i < gy.count(); ++i) {
      gy.data()[i] -= ideal.data()[i];
      error += std::pow(double(gy.data()[i]), 2.0);
    }
    (step == 0 ? first : last) = error;
    Backward(y, gy);
    for (int64_t i = 0; i < range.value().count(); ++i) {
      range.mutable_value().data()[i] -= 0.3F * range.grad().data()[i];
    }
    layer->ClearGrads();
  }
  CHECK(last < 0.3 * first);
}

// Its size counts, so descent on the way below 0 must go on upwards.
TEST_CASE("a learned ADC range below 0 acts by its size") {
  const auto layer = LearningLayer();
  const Tensor x = RandomTensor({2, 9, 9, 12}, Key(61));
  CalibrateOn(layer.get(), x);
  Var range = LearnedRange(*layer);
  const auto gradient = [&](Tensor* y) {
    layer->ClearGrads();
    const Var out = layer->Forward(Var(x), {.training = true});
    *y = out.value().Clone();
    Backward(out, out.value().Clone());
    return range.grad().Clone();
  };
  Tensor y_above, y_below;
  const Tensor above = gradient(&y_above);
  for (float& r : range.mutable_value().span()) r = -r;
  const Tensor below = gradient(&y_below);
  CHECK(std::ranges::equal(y_above.span(), y_below.span()));
  for (int64_t i = 0; i < above.count(); ++i) {
    CHECK(above.data()[i] != 0);
    CHECK(below.data()[i] == -above.data()[i]);
  }
}

TEST_CASE("calibrating anew keeps ADC ranges that were learned, and no other") {
  const auto layer = LearningLayer();
  const auto calibrated_on = [&](uint64_t key) {
    nn::ClearCalibration(layer.get());
    CalibrateOn(layer.get(), RandomTensor({2, 9, 9, 12}, Key(key)));
    return LearnedRange(*layer).value().Clone();
  };
  const Tensor first = calibrated_on(61);
  CHECK_FALSE(BitEqual(calibrated_on(64), first));
  CHECK(BitEqual(calibrated_on(61), first));
  // A step of training makes them the optimiser's.
  layer->Forward(Var(RandomTensor({2, 9, 9, 12}, Key(61))), {.training = true});
  CHECK(BitEqual(calibrated_on(64), first));
}

}  // namespace
}  // namespace ohm::test
