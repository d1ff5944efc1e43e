// The forward pass against the physical reference and closed forms.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/kernels/reference.h"
#include "hw/kernels/tile.h"
#include "hw/reference.h"
#include "tests/hw/layers.h"
#include "tests/support/near.h"
#include "tests/support/worse.h"

namespace ohm::test {
namespace {

double LargestAbs(const Tensor& t) {
  double most = 0;
  for (const float v : t.span()) most = std::max(most, std::fabs(double(v)));
  return most;
}

TEST_CASE("every kernel variant agrees with volts, siemens and amperes") {
  for (const size_t variant : SupportedKernels()) {
    const ForcedKernels forced(variant);
    INFO("kernels ", std::string(hw::CurrentTileKernels().name));
    uint64_t index = 0;
    for (const LayerSizes& sizes : AwkwardSizes()) {
      CheckAgainstReference(MakeLayer(sizes, 8, 8, 8, Key(20).Child(index++)));
    }
    for (const auto& layer : RandomLayers(12, Key(21))) {
      CheckAgainstReference(layer);
    }
  }
}

TEST_CASE("any number of bits agrees with volts, siemens and amperes") {
  struct Bits {
    int weight, dac, adc;
  };
  uint64_t index = 0;
  for (const Bits b :
       {Bits{2, 2, 3}, Bits{4, 5, 6}, Bits{8, 4, 2}, Bits{9, 8, 8},
        Bits{8, 9, 10}, Bits{12, 12, 9}, Bits{0, 8, 8}, Bits{8, 0, 8},
        Bits{8, 8, 0}, Bits{0, 0, 6}, Bits{0, 0, 0}}) {
    const auto sizes = AwkwardSizes();
    for (size_t i = index % 2; i < sizes.size(); i += 2) {
      CheckAgainstReference(
          MakeLayer(sizes[i], b.weight, b.dac, b.adc, Key(22).Child(index++)));
    }
  }
}

TEST_CASE("attenuated sums agree with cells that give as much less") {
  for (const size_t variant : SupportedKernels()) {
    const ForcedKernels forced(variant);
    INFO("kernels ", std::string(hw::CurrentTileKernels().name));
    for (CrossbarLayer layer : RandomLayers(8, Key(29))) {
      layer.attenuation = MakeAttenuation(layer.Program().map, Key(30));
      CheckAgainstReference(layer);
    }
  }
  CrossbarLayer ideal =
      MakeLayer({3, 1, 1, 1, 100, 17, 1, 1}, 8, 8, 0, Key(29));
  ideal.attenuation = MakeAttenuation(ideal.Program().map, Key(30));
  CheckAgainstReference(ideal);
}

TEST_CASE("the ranges a pass asks for are those of what arrives") {
  for (const auto calibration :
       {hw::Calibration::kMax, hw::Calibration::kPercentile}) {
    hw::CrossbarSpec spec;
    spec.calibration = calibration;
    spec.adc_range = hw::AdcRange::kColumn;
    CrossbarLayer layer =
        MakeLayer({200, 1, 1, 1, 100, 5, 1, 1}, spec, Key(33));
    layer.gain = Tensor();
    hw::Observed plain, weaker;
    layer.Forward(&plain);
    layer.attenuation = MakeAttenuation(layer.Program().map, Key(34));
    layer.Forward(&weaker);
    REQUIRE(weaker.adc.size() == 10);
    for (size_t i = 0; i < 10; ++i) {
      const double wanted =
          double(plain.adc[i]) * double(layer.attenuation.data()[i]);
      // A histogram's bins are 1.6 % wide.
      CHECK(double(weaker.adc[i]) ==
            Near(wanted, calibration == hw::Calibration::kMax ? 1e-5 : 0.02));
    }
  }
}

TEST_CASE("one range for a layer agrees with the reference, too") {
  for (CrossbarLayer layer : RandomLayers(6, Key(23))) {
    layer.spec.adc_range = hw::AdcRange::kLayer;
    layer.ranges.adc = {*std::ranges::max_element(layer.ranges.adc)};
    CheckAgainstReference(layer);
  }
}

TEST_CASE("an ideal crossbar is the digital layer") {
  uint64_t index = 0;
  for (const LayerSizes& sizes : AwkwardSizes()) {
    CrossbarLayer layer = MakeLayer(sizes, 0, 0, 0, Key(24).Child(index++));
    layer.gain = Tensor();
    INFO("layer ", layer.name);
    const Tensor expected =
        ohm::reference::Conv2d(layer.x, layer.w, {}, layer.conv);
    const Tensor y = layer.Forward();
    double worst = 0;
    for (int64_t i = 0; i < y.count(); ++i) {
      worst = Worse(
          worst, std::fabs(double(y.data()[i]) - double(expected.data()[i])));
    }
    CHECK(worst <= 1e-5 * (1e-3 + LargestAbs(expected)));
  }
}

// A 70 -> 20 linear layer whose steps are powers of two, so that float
// arithmetic is exact and a quarter of all conversions are exact ties.
struct ExactLayer {
  static constexpr int64_t kImages = 50, kIn = 70, kOut = 20;
  static constexpr double kAdcCode = 64;  // products of codes
  CrossbarLayer layer;
  std::vector<int> x, w;

  ExactLayer() {
    const Key key(25);
    layer.x = Tensor::Empty({kImages, 1, 1, kIn});
    layer.w = Tensor::Empty({kOut, 1, 1, kIn});
    for (int64_t i = 0; i < layer.x.count(); ++i) {
      x.push_back(8 * (int(key.Below(uint64_t(i), 9)) - 4));
      layer.x.data()[i] = float(x.back()) * 0x1p-5F;
    }
    for (int64_t i = 0; i < layer.w.count(); ++i) {
      w.push_back(i == 0 ? 127 : int(key.Child("w").Below(i, 13)) - 6);
      layer.w.data()[i] = float(w.back()) * 0x1p-6F;
    }
    layer.ranges.input = 127 * 0x1p-5F;
    layer.ranges.adc.assign(2, 127 * 0x1p-11F * float(kAdcCode));
  }

  // Returns the exact output; counts ties.
  double Output(int64_t image, int64_t o, int64_t* ties) const {
    double y = 0;
    for (int64_t first = 0; first < kIn; first += 64) {
      int sum = 0;
      for (int64_t k = first; k < std::min(first + 64, kIn); ++k) {
        sum += x[size_t(image * kIn + k)] * w[size_t(o * kIn + k)];
      }
      const double scaled = sum / kAdcCode;
      *ties += std::fabs(scaled - std::trunc(scaled)) == 0.5 ? 1 : 0;
      y += std::clamp(std::nearbyint(scaled), -127.0, 127.0);
    }
    return y * kAdcCode * 0x1p-11;
  }
};

TEST_CASE("exact ties at the ADC go to the even code, in every variant") {
  const ExactLayer exact;
  for (const size_t variant : SupportedKernels()) {
    const ForcedKernels forced(variant);
    const Tensor y = exact.layer.Forward();
    int64_t ties = 0, wrong = 0;
    for (int64_t i = 0; i < y.count(); ++i) {
      const double expected =
          exact.Output(i / ExactLayer::kOut, i % ExactLayer::kOut, &ties);
      wrong += double(y.data()[i]) == expected ? 0 : 1;
    }
    CHECK(wrong == 0);
    CHECK(ties > 100);
  }
}

TEST_CASE("an ADC gives at most 2^bits - 1 values") {
  for (const int bits : {2, 3, 5}) {
    CrossbarLayer layer = MakeLayer({40, 1, 1, 1, 60, 30, 1, 1}, 8, 8, bits,
                                    Key(26).Child(uint64_t(bits)));
    layer.gain = Tensor();
    const Tensor y = layer.Forward();
    std::vector<float> values(y.span().begin(), y.span().end());
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
    CHECK(int(values.size()) == 2 * hw::LargestCode(bits) + 1);
  }
}

// Bits of everything a forward pass gives.
bool SameClipped(const std::vector<hw::Clipped>& a,
                 const std::vector<hw::Clipped>& b) {
  return std::ranges::equal(a, b, [](const auto& p, const auto& q) {
    return p.pixel == q.pixel && p.row_tile == q.row_tile &&
           p.output == q.output;
  });
}

std::vector<CrossbarLayer> MixedLayers() {
  auto layers = RandomLayers(6, Key(27));
  const LayerSizes large{4, 16, 16, 1, 16, 16, 3, 3, 1, 1};
  layers.push_back(MakeLayer(large, 8, 8, 8, Key(28)));
  layers.push_back(MakeLayer(large, 9, 9, 9, Key(28)));
  layers.push_back(MakeLayer(large, 0, 0, 0, Key(28)));
  layers.push_back(MakeLayer(large, 8, 8, 8, Key(28)));
  layers.back().spec.calibration = hw::Calibration::kPercentile;
  return layers;
}

TEST_CASE("1 and 2 threads give the same bits") {
  const int before = Threads();
  for (const auto& layer : MixedLayers()) {
    INFO("layer ", layer.name);
    hw::Observed one, two;
    SetThreads(1);
    const Tensor y1 = layer.Forward(&one);
    SetThreads(2);
    const Tensor y2 = layer.Forward(&two);
    CHECK(BitEqual(y1, y2));
    CHECK(one.adc == two.adc);
    CHECK(SameClipped(one.clipped, two.clipped));
    CHECK(BitEqual(layer.Forward(), y1));  // unobserved
  }
  SetThreads(before);
}

// The one input below 0 is the first, and other threads see none.
TEST_CASE("one negative input takes the second pass with any threads") {
  hw::CrossbarSpec spec;
  spec.adc_per = hw::AdcPer::kCycle;
  spec.input_slice_bits = 1;
  spec.input_sign = hw::InputSign::kTwoPass;
  CrossbarLayer layer = MakeLayer({4, 32, 32, 1, 16, 4, 1, 1}, spec, Key(29));
  for (float& v : layer.x.span()) v = std::fabs(v);
  const Tensor without = layer.Forward();
  layer.x.data()[0] = -layer.ranges.input;
  const int before = Threads();
  SetThreads(1);
  const Tensor one = layer.Forward();
  SetThreads(4);
  const Tensor four = layer.Forward();
  SetThreads(before);
  CHECK(BitEqual(one, four));
  CHECK_FALSE(BitEqual(one, without));
  CheckAgainstReference(layer);
}

TEST_CASE("every kernel variant gives a layer the same bits") {
  for (const auto& layer : MixedLayers()) {
    INFO("layer ", layer.name);
    hw::Observed expected;
    const Tensor y = layer.Forward(&expected);
    for (const size_t variant : SupportedKernels()) {
      const ForcedKernels forced(variant);
      hw::Observed seen;
      CHECK(BitEqual(layer.Forward(&seen), y));
      CHECK(seen.adc == expected.adc);
      CHECK(SameClipped(seen.clipped, expected.clipped));
    }
  }
}

TEST_CASE("an image's outputs do not depend on its batch") {
  const LayerSizes sizes{5, 7, 6, 1, 12, 20, 3, 3, 1, 1};
  CrossbarLayer layer = MakeLayer(sizes, 8, 8, 8, Key(29));
  const Tensor y = layer.Forward();
  const Tensor x = layer.x;
  for (int64_t n = 0; n < 5; ++n) {
    layer.x = x.Slice(n, n + 1);
    CHECK(BitEqual(layer.Forward(), y.Slice(n, n + 1).Clone()));
  }
}

// Partial sums of every (pixel, row tile, output), in layer units, in double.
std::vector<double> PartialSums(const CrossbarLayer& layer) {
  CrossbarLayer one = layer;
  one.spec.adc_bits = 0;
  const hw::TileMap map = layer.Program().map;
  std::vector<double> sums;
  for (int64_t t = 0; t < map.row_tiles(); ++t) {
    one.gain = Tensor::Zeros(map.MaskEntries());
    std::fill_n(one.gain.data() + t * map.outputs(), map.outputs(), 1.0F);
    const Tensor y = hw::reference::Forward(one.x, one.w, one.conv, one.spec,
                                            one.ranges, one.gain)
                         .y;
    sums.insert(sums.end(), y.span().begin(), y.span().end());
  }
  return sums;
}

TEST_CASE("the ranges a pass asks for are its tiles' largest sums") {
  for (const auto& layer : RandomLayers(5, Key(30))) {
    INFO("layer ", layer.name);
    hw::Observed seen;
    layer.Forward(&seen);
    const auto sums = PartialSums(layer);
    const hw::TileMap map = layer.Program().map;
    std::vector<double> expected(size_t(map.tiles()), 0.0);
    const auto pixels = int64_t(sums.size()) / map.MaskEntries().count();
    for (size_t i = 0; i < sums.size(); ++i) {
      const int64_t t = int64_t(i) / (pixels * map.outputs());
      double& most =
          expected[size_t(map.TileOf(t, int64_t(i) % map.outputs()))];
      most = std::max(most, std::fabs(sums[i]));
    }
    for (size_t t = 0; t < expected.size(); ++t) {
      CHECK(seen.adc[t] == Near(expected[t], 1e-5));
    }
  }
}

TEST_CASE("ranges calibrated on data never clip that data") {
  for (const int adc_bits : {3, 8, 12}) {
    for (CrossbarLayer layer : RandomLayers(10, Key(31))) {
      INFO("layer ", layer.name);
      layer.spec.adc_bits = adc_bits;
      layer.ranges.adc.clear();
      hw::Observed seen;
      layer.Forward(&seen);
      CHECK(seen.clipped.empty());
      layer.ranges.adc = seen.adc;
      layer.Forward(&seen);
      CHECK(seen.clipped.empty());
      layer.ranges.adc = {*std::ranges::max_element(seen.adc)};
      layer.spec.adc_range = hw::AdcRange::kLayer;
      layer.Forward(&seen);
      CHECK(seen.clipped.empty());
    }
  }
}

TEST_CASE("a percentile range clips no more than its share") {
  const LayerSizes sizes{8, 9, 9, 2, 12, 10, 3, 3, 1, 1};
  CrossbarLayer layer = MakeLayer(sizes, 8, 8, 8, Key(32));
  hw::Observed all, most, clipped;
  layer.ranges.adc.clear();
  layer.Forward(&all);
  layer.spec.calibration = hw::Calibration::kPercentile;
  layer.spec.percentile = 99;
  layer.Forward(&most);
  for (size_t t = 0; t < all.adc.size(); ++t) {
    CHECK(most.adc[t] < all.adc[t]);
    CHECK(most.adc[t] > 0.3F * all.adc[t]);
  }
  layer.ranges.adc = most.adc;
  const Tensor y = layer.Forward(&clipped);
  const hw::TileMap map = layer.Program().map;
  std::vector<int64_t> count(size_t(map.tiles()), 0);
  for (const auto& c : clipped.clipped) {
    ++count[size_t(map.TileOf(c.row_tile, c.output))];
  }
  const int64_t per_tile = y.count() / layer.conv.groups;  // one column tile
  for (const int64_t n : count) {
    CHECK(n <= per_tile / 100);
    CHECK(n > 0);
  }
  layer.spec.percentile = 100;
  layer.Forward(&most);
  CHECK(most.adc == all.adc);
}

TEST_CASE("what does not fit is an error that says so") {
  CrossbarLayer layer =
      MakeLayer({2, 4, 4, 1, 20, 6, 3, 3, 1, 1}, 8, 8, 8, Key(33));
  CrossbarLayer wrong = layer;
  wrong.gain = Tensor::Zeros({1, 6});
  CHECK_THROWS_WITH_AS(wrong.Forward(),
                       doctest::Contains("expected gains [3, 6], got [1, 6]"),
                       Error);
  wrong = layer;
  wrong.ranges.adc = {1, 1};
  CHECK_THROWS_WITH_AS(wrong.Forward(),
                       doctest::Contains("3 ADC ranges, got 2"), Error);
  wrong = layer;
  wrong.x = Tensor::Zeros({2, 4, 4, 19});
  CHECK_THROWS_AS(wrong.Forward(), Error);
  wrong = layer;
  wrong.w = Tensor::Zeros({6, 180});
  CHECK_THROWS_WITH_AS(wrong.Program(), doctest::Contains("[6, 180]"), Error);
  wrong = layer;
  wrong.w.data()[3] = std::nanf("");
  CHECK_THROWS_WITH_AS(wrong.Program(), doctest::Contains("finite"), Error);
}

TEST_CASE("attenuation is for whole conversions of ideal cells") {
  CrossbarLayer layer = MakeLayer({3, 1, 1, 1, 100, 5, 1, 1}, 8, 8, 8, Key(35));
  layer.attenuation = Tensor::Full({1, 5}, 0.5F);
  CHECK_THROWS_WITH_AS(layer.Program(),
                       "[crossbar] expected attenuations [2, 5], got [1, 5]",
                       Error);
  layer.attenuation = Tensor::Full({2, 5}, 0.5F);
  CrossbarLayer faulty = layer, sliced = layer;
  faulty.chip.device.stuck_at.gmin = 0.1;
  sliced.spec.cell_bits = 2;
  sliced.spec.adc_per = hw::AdcPer::kSlice;
  for (const CrossbarLayer* wrong : {&faulty, &sliced}) {
    CHECK_THROWS_WITH_AS(wrong->Program(),
                         doctest::Contains("whole conversions"), Error);
  }
}

TEST_CASE("layers of zeros give zeros") {
  CrossbarLayer layer =
      MakeLayer({2, 4, 4, 1, 20, 6, 3, 3, 1, 1}, 8, 8, 8, Key(34));
  layer.w.FillZero();
  hw::Observed seen;
  layer.ranges.adc.clear();
  layer.Forward(&seen);
  CHECK(seen.adc == std::vector<float>(3, 0.0F));
  layer.ranges = {0.0F, seen.adc};
  const Tensor y = layer.Forward(&seen);
  CHECK(BitEqual(y, Tensor::Zeros(y.shape())));
  CHECK(seen.clipped.empty());
}

}  // namespace
}  // namespace ohm::test
