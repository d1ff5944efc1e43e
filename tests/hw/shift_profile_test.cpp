#include "hw/shift_profile.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/base/parallel.h"
#include "tests/hw/layers.h"
#include "tests/support/near.h"

namespace ohm::test {
namespace {

// Two row tiles of 64 and 36 rows, 5 outputs, on a chip with wires.
CrossbarLayer WiredLayer() {
  CrossbarLayer layer =
      MakeLayer({300, 1, 1, 1, 100, 5, 1, 1}, hw::CrossbarSpec{}, Key(81));
  layer.chip.device.wires.at_300_kelvin = {28, 28, 4, 4};
  return layer;
}

hw::ShiftProfile ProfileOf(const CrossbarLayer& layer) {
  hw::ShiftProfile profile;
  profile.Add(layer.x, hw::Program(layer.w, layer.conv, layer.spec),
              layer.Program(), layer.ranges);
  return profile;
}

TEST_CASE("shift: what is corrected digitally is no shift") {
  CrossbarLayer layer =
      MakeLayer({300, 1, 1, 1, 100, 5, 1, 1}, hw::CrossbarSpec{}, Key(82));
  layer.chip.device.stuck_at = {.gmax = 0.1, .gmin = 0.1};
  CHECK(ProfileOf(layer).Shift() > 0.1);
  layer.spec.stuck_correction = hw::StuckCorrection::kPlain;
  const hw::ShiftProfile profile = ProfileOf(layer);
  CHECK(profile.Shift() < 1e-5);
  const Tensor gains = profile.Gain(hw::FitPer::kColumn);
  for (const float gain : gains.span()) {
    CHECK(double(gain) == Near(1, 1e-5));
  }
}

// The sums of one row tile on their own: other gains are 0.
Tensor SumsOf(const CrossbarLayer& layer, const hw::Programmed& program,
              int64_t row_tile) {
  hw::Ranges ranges = layer.ranges;
  ranges.adc.clear();  // ideal ADCs
  Tensor gain = Tensor::Zeros({2, 5});
  for (int64_t o = 0; o < 5; ++o) gain.data()[row_tile * 5 + o] = 1;
  return hw::Forward(layer.x, program, ranges, gain, nullptr);
}

void CheckMoments(const CrossbarLayer& layer) {
  const hw::ShiftProfile profile = ProfileOf(layer);
  const hw::Programmed ideal = hw::Program(layer.w, layer.conv, layer.spec);
  const auto noise = profile.Fit(hw::FitPer::kColumn, hw::ShiftModel::kNoise);
  const auto line = profile.Fit(hw::FitPer::kColumn, hw::ShiftModel::kLine);
  CHECK_FALSE(noise.attenuation.defined());
  const Tensor gain = profile.Gain(hw::FitPer::kColumn);
  REQUIRE(noise.shift.shape() == Shape{2, 5});
  for (int64_t t = 0; t < 2; ++t) {
    const Tensor a = SumsOf(layer, ideal, t);
    const Tensor b = SumsOf(layer, layer.Program(), t);
    for (int64_t o = 0; o < 5; ++o) {
      double sum = 0, square = 0, ab = 0, bb = 0, ideal_sum = 0, aa = 0;
      for (int64_t n = 0; n < 300; ++n) {
        const double u = double(a.data()[n * 5 + o]);
        const double v = double(b.data()[n * 5 + o]);
        sum += v - u;
        square += (v - u) * (v - u);
        ab += u * v;
        bb += v * v;
        ideal_sum += u;
        aa += u * u;
      }
      const int64_t at = t * 5 + o;
      const double m = sum / 300;
      CHECK(double(noise.shift.data()[at]) == Near(m, 1e-4));
      CHECK(double(noise.deviation.data()[at]) ==
            Near(std::sqrt(square / 300 - m * m), 1e-4));
      // The normal equations: what deviates from the line is without mean, and
      // without a share in the ideal sums.
      const double slope = double(line.attenuation.data()[at]);
      const double shift = double(line.shift.data()[at]);
      const double of_chip = sum + ideal_sum;
      CHECK(of_chip == Near(slope * ideal_sum + 300 * shift, 1e-4));
      CHECK(ab == Near(slope * aa + shift * ideal_sum, 1e-4));
      CHECK(slope < 1);
      CHECK(line.deviation.data()[at] < noise.deviation.data()[at]);
      CHECK(double(gain.data()[at]) == Near(ab / bb, 1e-4));
      CHECK(gain.data()[at] > 1);  // wires weaken
    }
  }
}

TEST_CASE("shift profile: moments and gain of each column's sums") {
  CrossbarLayer layer = WiredLayer();
  for (const auto steps : {hw::CellSteps::kColumn, hw::CellSteps::kFine}) {
    layer.chip.device.steps = steps;
    CheckMoments(layer);
  }
}

TEST_CASE("shift profile: columns that share a fit have one number") {
  const hw::ShiftProfile profile = ProfileOf(WiredLayer());
  const Tensor tile = profile.Gain(hw::FitPer::kTile);
  const Tensor layer = profile.Gain(hw::FitPer::kLayer);
  for (int64_t o = 0; o < 5; ++o) {
    CHECK(tile.data()[o] == tile.data()[0]);
    CHECK(tile.data()[5 + o] == tile.data()[5]);
    CHECK(layer.data()[o] == layer.data()[5 + o]);
  }
  CHECK(tile.data()[0] != tile.data()[5]);
}

TEST_CASE("shift profile: what a fit leaves, as a share of the sums") {
  const CrossbarLayer layer = WiredLayer();
  const hw::ShiftProfile profile = ProfileOf(layer);
  double shift = 0, size = 0;
  for (int64_t t = 0; t < 2; ++t) {
    const Tensor a =
        SumsOf(layer, hw::Program(layer.w, layer.conv, layer.spec), t);
    const Tensor b = SumsOf(layer, layer.Program(), t);
    for (int64_t i = 0; i < a.count(); ++i) {
      const double u = double(a.data()[i]), v = double(b.data()[i]);
      shift += (v - u) * (v - u);
      size += u * u;
    }
  }
  CHECK(profile.Shift() == Near(std::sqrt(shift / size), 1e-4));
  const auto left = [&](hw::FitPer per, hw::ShiftModel model) {
    return profile.LeftBy(profile.Fit(per, model));
  };
  using enum hw::FitPer;
  using enum hw::ShiftModel;
  // A model that can do more leaves less.
  CHECK(left(kLayer, kNoise) <= profile.Shift());
  CHECK(left(kColumn, kNoise) < left(kTile, kNoise));
  CHECK(left(kTile, kLine) < 0.5 * left(kTile, kNoise));
  CHECK(left(kColumn, kLine) < left(kTile, kLine));
}

TEST_CASE("shift profile: the same bits at any thread count") {
  const int threads = Threads();
  SetThreads(1);
  const auto one =
      ProfileOf(WiredLayer()).Fit(hw::FitPer::kColumn, hw::ShiftModel::kLine);
  SetThreads(3);
  const auto three =
      ProfileOf(WiredLayer()).Fit(hw::FitPer::kColumn, hw::ShiftModel::kLine);
  SetThreads(threads);
  CHECK(std::ranges::equal(one.attenuation.span(), three.attenuation.span()));
  CHECK(std::ranges::equal(one.deviation.span(), three.deviation.span()));
}

}  // namespace
}  // namespace ohm::test
