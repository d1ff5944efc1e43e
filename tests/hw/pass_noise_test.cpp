// Noise of reading: columns against their cells. tests/hw/normal_test.cpp has
// the numbers that it is made of.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/base/parallel.h"
#include "hw/conductance.h"
#include "hw/converters.h"
#include "hw/kernels/normal.h"
#include "hw/noise_adder.h"
#include "hw/shift_profile.h"
#include "hw/tile_pass.h"
#include "tests/hw/layers.h"
#include "tests/support/near.h"
#include "tests/support/worse.h"

namespace ohm::test {
namespace {

hw::DeviceSpec Noisy() {
  hw::DeviceSpec device;
  device.read_noise.sigma = 0.02;
  device.read_noise.sigma_of_g = 0.05;
  device.thermal_noise.on = true;
  device.shot_noise.on = true;
  device.conditions.hertz = 1e11;  // shot noise is 2 % of their variance then
  return device;
}

// All effects, and each alone: of some a sum of all would not tell.
std::vector<hw::DeviceSpec> NoisyDevices() {
  std::vector<hw::DeviceSpec> devices(4);
  devices[0] = Noisy();
  devices[1].read_noise = Noisy().read_noise;
  devices[2].thermal_noise = Noisy().thermal_noise;
  devices[3].shot_noise = Noisy().shot_noise;
  for (auto& device : devices) device.conditions = Noisy().conditions;
  return devices;
}

CrossbarLayer NoisyLayer(const hw::CrossbarSpec& spec,
                         const hw::DeviceSpec& device = Noisy()) {
  CrossbarLayer layer = MakeLayer({3, 1, 1, 1, 100, 5, 1, 1}, spec, Key(71));
  layer.chip = {device, Key(72)};
  return layer;
}

// The variance of each output that reading its cells one by one would have:
// each arm of each cell draws a current for itself.
std::vector<double> VarianceOfCells(const CrossbarLayer& layer) {
  const hw::Programmed program = layer.Program();
  const bool ideal = layer.spec.dac_bits == 0;  // its range ends at v_dd / 2
  const int h = ideal ? 1 : hw::LargestInput(layer.spec);
  const double dac = double(layer.ranges.input) / h;
  const double volt = layer.spec.v_dd / (ideal ? 2.0 : 2.0 * h + 1);
  const double g_step = hw::ConductanceStep(127, layer.spec);
  const int64_t fan_in = layer.w.size(3), outputs = layer.w.size(0);
  std::vector<double> variances;
  for (int64_t n = 0; n < layer.x.size(0); ++n) {
    for (int64_t o = 0; o < outputs; ++o) {
      double variance = 0;
      for (int64_t k = 0; k < fan_in; ++k) {
        const float x = layer.x.data()[n * fan_in + k];
        const double code =
            ideal ? double(x) / dac : hw::QuantizeOne(x, float(dac), h);
        const hw::Pair pair = hw::ToPair(
            double(program.codes.data()[o * fan_in + k]), 127, layer.spec);
        for (const double g : {pair.plus, pair.minus}) {
          hw::CellArray cell;
          cell.rows = cell.columns = 1;
          cell.window = {layer.spec.g_min, layer.spec.g_max, g_step, h * volt};
          cell.g = cell.target = {g};
          cell.fault = {hw::Fault::kNone};
          hw::ApplyEffects(layer.chip.device, hw::Stage::kRead, Key(1), &cell);
          const double v = std::fabs(code) * volt;
          variance += cell.constant[0] + cell.per_volt[0] * v +
                      cell.per_volt2[0] * v * v;
        }
      }
      const double unit = dac * double(program.step) / (volt * g_step);
      variances.push_back(variance * unit * unit);
    }
  }
  return variances;
}

struct Moments {
  std::vector<double> mean, variance;
};

Moments MomentsOf(const CrossbarLayer& layer, int passes) {
  const hw::Programmed program = layer.Program();
  std::vector<double> sum, square;
  for (int i = 0; i < passes; ++i) {
    const hw::PassNoise noise{Key(73).Child(uint64_t(i)), 0, {}, {}};
    const Tensor y =
        hw::Forward(layer.x, program, layer.ranges, Tensor(), nullptr, &noise);
    sum.resize(size_t(y.count()));
    square.resize(size_t(y.count()));
    for (size_t k = 0; k < sum.size(); ++k) {
      sum[k] += double(y.data()[k]);
      square[k] += double(y.data()[k]) * double(y.data()[k]);
    }
  }
  for (size_t k = 0; k < sum.size(); ++k) {
    sum[k] /= passes;
    square[k] = square[k] / passes - sum[k] * sum[k];
  }
  return {sum, square};
}

// Sums of bytes, of floats, and of inputs as they are.
std::vector<hw::CrossbarSpec> WaysOfSumming(int adc_bits) {
  hw::CrossbarSpec whole;
  whole.adc_bits = adc_bits;
  hw::CrossbarSpec fine = whole, ideal = whole;
  fine.dac_bits = 9;
  ideal.dac_bits = 0;
  return {whole, fine, ideal};
}

void CheckProfile(const CrossbarLayer& layer) {
  hw::ShiftProfile profile;
  profile.Add(layer.x, hw::Program(layer.w, layer.conv, layer.spec),
              layer.Program(), layer.ranges);
  const auto variance = VarianceOfCells(layer);
  const int64_t images = layer.x.size(0), outputs = layer.w.size(0);
  for (const auto model : {hw::ShiftModel::kNoise, hw::ShiftModel::kLine}) {
    const hw::ShiftFit fit = profile.Fit(hw::FitPer::kColumn, model);
    for (int64_t o = 0; o < outputs; ++o) {
      double fitted = 0, expected = 0;
      for (int64_t t = 0; t < 2; ++t) {  // row tiles
        const double d = double(fit.deviation.data()[t * outputs + o]);
        fitted += d * d;
      }
      for (int64_t n = 0; n < images; ++n) {
        expected += variance[size_t(n * outputs + o)] / double(images);
      }
      CHECK(expected > 0);
      CHECK(fitted == Near(expected, 1e-3));
    }
    CHECK(profile.LeftBy(fit) == Near(profile.Shift()));
  }
  // A gain has no share in it.
  for (const float gain : profile.Gain(hw::FitPer::kColumn).span()) {
    CHECK(double(gain) == Near(1));
  }
}

// NIA injects what reads draw, too: here devices are ideal otherwise, so that
// it is all there is.
TEST_CASE("noise: a shift profile has the variances of all cells") {
  for (const hw::CrossbarSpec& spec : WaysOfSumming(/*adc_bits=*/8)) {
    INFO("dac_bits ", spec.dac_bits);
    for (const hw::DeviceSpec& device : NoisyDevices()) {
      CheckProfile(NoisyLayer(spec, device));
    }
  }
}

// Conductances that vary alike in all cells: each bit of a plane that is 1
// draws as much.
TEST_CASE("noise: planes of bits have the variances of their cells") {
  hw::CrossbarSpec spec;
  spec.adc_per = hw::AdcPer::kCycle;
  spec.input_slice_bits = 1;
  CrossbarLayer layer = MakeLayer({3, 1, 1, 1, 100, 5, 1, 1}, spec, Key(71));
  layer.chip.device.read_noise.sigma = 0.02;
  const hw::Programmed program = layer.Program();
  const hw::PassNoise noise;
  hw::Ranges ranges = layer.ranges;
  ranges.adc.clear();
  const hw::TilePass pass(layer.x, program, ranges, hw::Cycles::kApart, &noise);
  const hw::Conversion conversion =
      hw::MakeConversion(program, ranges, pass.unit(), Tensor(), &noise);
  hw::NoiseAdder adder(pass, program, conversion, &noise);
  const double of_code = 0.02 * spec.g_max / hw::ConductanceStep(127, spec);
  const float dac = hw::StepFor(layer.ranges.input, 127);
  int64_t seen = 0;
  pass.Run(0, pass.blocks(), [&](const hw::TileBlock& block) {
    for (size_t plane = 0; plane < pass.planes(); ++plane) {
      const auto deviations = adder.ReadDeviations(block, plane);
      for (int64_t p = 0; p < block.pixels; ++p) {
        int64_t ones = 0;
        for (const int32_t k : program.map.RowsOf(block.row_tile)) {
          const float x = layer.x.data()[(block.first_pixel + p) * 100 + k];
          ones += int(std::fabs(hw::QuantizeOne(x, dac, 127))) >> plane & 1;
        }
        for (int64_t o = 0; o < 5; ++o) {
          const double expected = 2 * double(ones) * of_code * of_code;
          const double d =
              double(deviations[size_t(p * conversion.padded_outputs + o)]);
          CHECK(d * d == Near(expected, 1e-4));
          seen += ones;
        }
      }
    }
  });
  CHECK(seen > 1000);
}

void CheckDrawn(const CrossbarLayer& layer) {
  constexpr int kPasses = 4000;
  const auto variance = VarianceOfCells(layer);
  const Moments seen = MomentsOf(layer, kPasses);
  hw::Programmed quiet = hw::Program(layer.w, layer.conv, layer.spec);
  const Tensor y = hw::Forward(layer.x, quiet, layer.ranges, Tensor(), nullptr);
  for (size_t k = 0; k < variance.size(); ++k) {
    CHECK(std::fabs(seen.mean[k] - double(y.data()[k])) <
          5 * std::sqrt(variance[k] / kPasses));
    CHECK(seen.variance[k] == Near(variance[k], 5 * std::sqrt(2.0 / kPasses)));
  }
}

TEST_CASE("noise: columns draw what their cells would, in every slicing") {
  for (const hw::CrossbarSpec& spec : WaysOfSumming(/*adc_bits=*/0)) {
    INFO("dac_bits ", spec.dac_bits);
    for (const hw::DeviceSpec& device : NoisyDevices()) {
      CheckDrawn(NoisyLayer(spec, device));
    }
  }
}

// A DAC of one bit drives its only digit with what one of eight drives its
// largest code with, so the noise of a read is as large and counts less.
TEST_CASE("noise: bits of inputs are driven with the whole voltage") {
  hw::CrossbarSpec whole;
  hw::CrossbarSpec serial;
  serial.adc_per = hw::AdcPer::kCycle;
  serial.input_slice_bits = 1;
  serial.input_sign = hw::InputSign::kTwoPass;
  const auto constant = [](const hw::CrossbarSpec& spec) {
    const CrossbarLayer layer = NoisyLayer(spec);
    const hw::TileMap map(hw::MatrixOf(layer.w.shape(), 1), spec);
    const Tensor codes =
        hw::QuantizeWeights(layer.w, hw::LargestWeight(spec)).codes;
    return hw::CellsOnChip(codes, map, spec, hw::SlicingOf(spec), layer.chip)
        .read.constant;
  };
  const Tensor a = constant(whole), b = constant(serial);
  REQUIRE(a.count() == b.count());
  for (int64_t i = 0; i < a.count(); ++i) {
    CHECK(double(b.data()[i]) * 127 * 127 == Near(double(a.data()[i]), 1e-5));
  }
}

// Two slices hold a weight: their variances add up with the squares of their
// places, whether they are converted apart or not.
TEST_CASE("noise: slices converted apart draw for themselves") {
  hw::CrossbarSpec spec;
  spec.cell_bits = 4;
  spec.adc_bits = 16;
  spec.calibration = hw::Calibration::kFullScale;
  const CrossbarLayer together = NoisyLayer(spec);
  spec.adc_per = hw::AdcPer::kSlice;
  const CrossbarLayer apart = NoisyLayer(spec);
  constexpr int kPasses = 4000;
  const Moments a = MomentsOf(together, kPasses), b = MomentsOf(apart, kPasses);
  for (size_t k = 0; k < a.mean.size(); ++k) {
    CHECK(a.variance[k] / b.variance[k] ==
          Near(1, 7 * std::sqrt(2.0 / kPasses)));
  }
}

// A whole number of products without noise, and anything between with it.
TEST_CASE("noise: ranges are measured from noisy sums as they are") {
  hw::CrossbarSpec spec;
  spec.cell_bits = 4;
  spec.adc_per = hw::AdcPer::kSlice;
  CrossbarLayer layer = MakeLayer({20, 1, 1, 1, 100, 5, 1, 1}, spec, Key(79));
  layer.ranges.adc.clear();  // as while calibrating
  const auto forward = [&](const hw::PassNoise* noise) {
    return hw::Forward(layer.x, layer.Program(), layer.ranges, Tensor(),
                       nullptr, noise);
  };
  const Tensor quiet = forward(nullptr);
  layer.chip.device.thermal_noise.on = true;
  const hw::PassNoise noise{Key(80), 0, {}, {}};
  const Tensor y = forward(&noise);
  const float unit =
      hw::TilePass(layer.x, layer.Program(), layer.ranges).unit();
  int between = 0;
  for (int64_t i = 0; i < y.count(); ++i) {
    const double products =
        double(y.data()[i] - quiet.data()[i]) / double(unit);
    between += std::fabs(products - std::round(products)) > 0.01 ? 1 : 0;
  }
  CHECK(between > 90);  // of 100, 98 on average
}

// Sums count steps of their column then, noise does not.
TEST_CASE("noise: it is the same where a byte holds a cell") {
  constexpr int kPasses = 4000;
  hw::CrossbarSpec whole, apart;
  whole.adc_bits = 0;
  apart.cell_bits = 4;
  apart.adc_bits = 16;
  apart.calibration = hw::Calibration::kFullScale;
  apart.adc_per = hw::AdcPer::kSlice;
  for (const hw::CrossbarSpec& spec : {whole, apart}) {
    CrossbarLayer layer = NoisyLayer(spec);
    layer.chip.device.write_error.law = hw::WriteLaw::kConstant;
    layer.chip.device.write_error.sigma = 0.02;
    layer.chip.device.steps = hw::CellSteps::kFine;
    const Moments fine = MomentsOf(layer, kPasses);
    layer.chip.device.steps = hw::CellSteps::kColumn;
    REQUIRE(layer.Program().sum_scale.defined());
    const Moments column = MomentsOf(layer, kPasses);
    for (size_t k = 0; k < fine.mean.size(); ++k) {
      CHECK(column.variance[k] / fine.variance[k] ==
            Near(1, 7 * std::sqrt(2.0 / kPasses)));
    }
  }
}

TEST_CASE("noise: images draw the same in any batch, at any thread count") {
  CrossbarLayer layer =
      MakeLayer({4, 6, 5, 3, 7, 5, 3, 3, 1, 1}, hw::CrossbarSpec{}, Key(74));
  layer.chip = {Noisy(), Key(72)};
  const hw::Programmed program = layer.Program();
  const auto forward = [&](int64_t begin, int64_t end) {
    const hw::PassNoise noise{Key(75), begin, {}, {}};
    return hw::Forward(layer.x.Slice(begin, end), program, layer.ranges,
                       layer.gain, nullptr, &noise);
  };
  const Tensor all = forward(0, 4);
  const int threads = Threads();
  for (const int count : {1, 3}) {
    SetThreads(count);
    for (int64_t n = 0; n < 4; ++n) {
      CHECK(std::ranges::equal(forward(n, n + 1).span(),
                               all.Slice(n, n + 1).span()));
    }
  }
  SetThreads(threads);
}

void CheckInjected(bool attenuated) {
  CAPTURE(attenuated);
  hw::CrossbarSpec spec;
  spec.adc_bits = 0;
  CrossbarLayer layer = MakeLayer({500, 1, 1, 1, 100, 5, 1, 1}, spec, Key(76));
  if (attenuated) {
    layer.attenuation = MakeAttenuation(layer.Program().map, Key(78));
  }
  const hw::Programmed program = layer.Program();
  hw::PassNoise noise{Key(77), 0, {}, {}};
  noise.shift =
      Tensor::From({2, 5}, std::vector<float>{1, 2, 3, 4, 5, 0, 0, 0, 0, -5});
  noise.deviation =
      Tensor::From({2, 5}, std::vector<float>{1, 0, 0, 3, 0, 1, 0, 0, 4, 0});
  const Tensor quiet =
      hw::Forward(layer.x, program, layer.ranges, Tensor(), nullptr);
  const Tensor y =
      hw::Forward(layer.x, program, layer.ranges, Tensor(), nullptr, &noise);
  const double mean[] = {1, 2, 3, 4, 0}, variance[] = {2, 0, 0, 25, 0};
  for (int64_t o = 0; o < 5; ++o) {
    double sum = 0, square = 0;
    for (int64_t n = 0; n < 500; ++n) {
      const double d =
          double(y.data()[n * 5 + o]) - double(quiet.data()[n * 5 + o]);
      sum += d;
      square += (d - mean[o]) * (d - mean[o]);
    }
    const double v = variance[o];
    CHECK(std::fabs(sum / 500 - mean[o]) < 5 * std::sqrt(v / 500) + 1e-3);
    CHECK(std::fabs(square / 500 - v) < 5 * v * std::sqrt(2.0 / 500) + 1e-3);
  }
}

TEST_CASE("noise: what is injected has its mean and deviation") {
  CheckInjected(false);
  CheckInjected(true);
}

// Without noise such an ADC passes whole sums on as they are.
TEST_CASE("noise: an ADC with a code for every sum rounds noisy ones") {
  hw::CrossbarSpec spec;
  spec.weight_bits = spec.dac_bits = 3;
  spec.calibration = hw::Calibration::kFullScale;
  for (const int adc_bits : {0, 11}) {
    CAPTURE(adc_bits);
    spec.adc_bits = adc_bits;
    const CrossbarLayer layer =
        MakeLayer({20, 1, 1, 1, 100, 5, 1, 1}, spec, Key(76));
    const hw::Programmed program = layer.Program();
    REQUIRE(program.lossless == (adc_bits != 0));
    const float unit = hw::TilePass(layer.x, program, layer.ranges).unit();
    const Shape entries = program.map.MaskEntries();
    const hw::PassNoise noise{Key(77), 0, Tensor::Full(entries, 0.0F),
                              Tensor::Full(entries, 3 * unit)};
    const Tensor y =
        hw::Forward(layer.x, program, layer.ranges, Tensor(), nullptr, &noise);
    float worst = 0;
    for (const float v : y.span()) {
      worst = Worse(worst, std::fabs(v / unit - std::nearbyint(v / unit)));
    }
    CHECK((worst < 1e-3F) == (adc_bits != 0));
  }
}

}  // namespace
}  // namespace ohm::test
