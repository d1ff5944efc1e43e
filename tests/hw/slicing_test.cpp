// Slices, cycles and passes that are converted apart.
#include "hw/slicing.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/base/parallel.h"
#include "core/kernels/elementwise.h"
#include "hw/adc.h"
#include "hw/converters.h"
#include "hw/kernels/bit_tile.h"
#include "hw/kernels/tile.h"
#include "tests/hw/layers.h"

namespace ohm::test {
namespace {

// Any combination of what a slicing depends on; always valid.
hw::CrossbarSpec RandomSpec(Key key) {
  const auto pick = [&](const char* what, uint64_t count) {
    return key.Child(what).Below(0, count);
  };
  hw::CrossbarSpec spec;
  spec.weight_bits = 2 + int(pick("weight", 7));
  spec.dac_bits = 2 + int(pick("dac", 7));
  if (pick("levels", 4) == 0) spec.dac_levels = 3 + 2 * int(pick("count", 60));
  spec.encoding = hw::Encoding(pick("encoding", 2));
  spec.cell_bits = int(pick("cell", 5));
  if (spec.encoding == hw::Encoding::kOffset && spec.weight_bits == 8 &&
      spec.cell_bits == 0) {
    spec.cell_bits = 4;
  }
  spec.column_flip =
      spec.encoding == hw::Encoding::kOffset && pick("flip", 2) == 0;
  spec.input_sign = hw::InputSign(pick("sign", 3));
  spec.input_slice_bits = int(pick("input", 4));
  spec.adc_per = hw::AdcPer(1 + pick("per", 2));
  spec.adc_bits = 3 + int(pick("adc", 6));
  spec.adc_codes = hw::AdcCodes(pick("codes", 2));
  spec.adc_range = hw::AdcRange(pick("range", 3));
  spec.adc_range_per = hw::AdcRangePer(pick("range per", 2));
  const hw::Calibration policies[] = {
      hw::Calibration::kMax, hw::Calibration::kFullScale,
      hw::Calibration::kFixed, hw::Calibration::kPercentile,
      hw::Calibration::kLeastError};
  spec.calibration = policies[pick("policy", 5)];
  spec.fixed_share = 0.4;
  spec.row_order = hw::RowOrder(pick("order", 2));
  spec.packing = hw::Packing(pick("packing", 2));
  return spec;
}

LayerSizes SizesFor(const hw::CrossbarSpec& spec, Key key) {
  LayerSizes sizes = RandomSizes(key);
  sizes.columns += int(hw::SlicingOf(spec).cell_slices());
  return sizes;
}

TEST_CASE("digits add up to their codes, in every slicing") {
  for (uint64_t i = 0; i < 200; ++i) {
    const hw::CrossbarSpec spec = RandomSpec(Key(60).Child(i));
    const hw::Slicing s = hw::SlicingOf(spec);
    const int w = hw::LargestWeight(spec), x = hw::LargestInput(spec);
    for (int code = -w; code <= w; ++code) {
      int sum = -s.weight_offset;
      for (size_t n = 0; n < s.slices.size(); ++n) {
        const int digit = s.WeightDigit(code, n);
        REQUIRE(std::abs(digit) <= s.slices[n].largest);
        REQUIRE((digit >= 0 || s.signed_weights));
        sum += digit * (1 << s.slices[n].shift);
      }
      REQUIRE(sum == code);
    }
    for (int code = -x; code <= x; ++code) {
      int sum = -s.input_offset;
      for (size_t n = 0; n < s.cycles.size(); ++n) {
        const int digit = s.InputDigit(code, n);
        REQUIRE(std::abs(digit) <= s.cycles[n].largest);
        REQUIRE((digit >= 0 || s.signed_inputs));
        sum += s.cycles[n].sign * digit * (1 << s.cycles[n].shift);
      }
      REQUIRE(sum == code);
    }
  }
}

TEST_CASE("any slicing agrees with volts, siemens and amperes") {
  for (uint64_t i = 0; i < 60; ++i) {
    const Key key = Key(61).Child(i);
    const hw::CrossbarSpec spec = RandomSpec(key);
    CheckAgainstReference(
        MakeLayer(SizesFor(spec, key), spec, key.Child("layer")));
  }
}

TEST_CASE("row orders and packings agree with the reference, unsliced") {
  for (uint64_t i = 0; i < 24; ++i) {
    const Key key = Key(62).Child(i);
    hw::CrossbarSpec spec;
    spec.row_order = hw::RowOrder(i % 2);
    spec.packing = hw::Packing(i / 2 % 2);
    spec.adc_range = hw::AdcRange(i / 4 % 3);
    spec.adc_codes = hw::AdcCodes(i / 12);
    if (i % 5 == 0) spec.weight_bits = 0;  // the float way
    CheckAgainstReference(
        MakeLayer(SizesFor(spec, key), spec, key.Child("layer")));
  }
}

TEST_CASE("every variant and thread count gives a sliced layer the same bits") {
  const int threads = Threads();
  for (uint64_t i = 0; i < 12; ++i) {
    const Key key = Key(63).Child(i);
    const hw::CrossbarSpec spec = RandomSpec(key);
    const CrossbarLayer layer =
        MakeLayer(SizesFor(spec, key), spec, key.Child("layer"));
    INFO("layer ", layer.name);
    SetThreads(1);
    hw::Observed expected;
    const Tensor y = layer.Forward(&expected);
    SetThreads(2);
    for (const size_t variant : SupportedKernels()) {
      const ForcedKernels forced(variant);
      hw::Observed seen;
      CHECK(BitEqual(layer.Forward(&seen), y));
      CHECK(seen.adc == expected.adc);
    }
    CHECK(BitEqual(layer.Forward(), y));  // unobserved
  }
  SetThreads(threads);
}

// Where no conversion can lose anything, slices and cycles are one product.
TEST_CASE("the shortcut has the bits of the long way wherever it is taken") {
  int taken = 0;
  for (uint64_t i = 0; i < 150; ++i) {
    const Key key = Key(64).Child(i);
    hw::CrossbarSpec spec = RandomSpec(key);
    spec.calibration = hw::Calibration::kFullScale;
    spec.adc_bits = 8 + int(key.Below(1, 4));
    try {
      hw::CheckSpec(spec);
    } catch (const std::exception&) {
      continue;  // more than 2^24
    }
    const CrossbarLayer layer =
        MakeLayer(SizesFor(spec, key), spec, key.Child("layer"));
    const hw::Programmed quick = layer.Program();
    if (!quick.lossless) continue;
    ++taken;
    INFO("layer ", layer.name);
    REQUIRE(quick.slicing.whole());
    const hw::Programmed slow = hw::Program(layer.w, layer.conv, layer.spec,
                                            {.shortcut = hw::Shortcut::kNever});
    REQUIRE(!slow.slicing.whole());
    const Tensor y =
        hw::Forward(layer.x, slow, layer.ranges, layer.gain, nullptr);
    CHECK(BitEqual(layer.Forward(), y));
  }
  CHECK(taken >= 40);
}

// Four 2-bit slices, bit-serial inputs, a conversion for each.
hw::CrossbarSpec Isaac() {
  hw::CrossbarSpec spec;
  spec.cell_bits = 2;
  spec.input_slice_bits = 1;
  spec.encoding = hw::Encoding::kOffset;
  spec.input_sign = hw::InputSign::kOffset;
  spec.adc_per = hw::AdcPer::kCycle;
  spec.calibration = hw::Calibration::kFullScale;
  return spec;
}

TEST_CASE("ISAAC's complements let 8 bits hold 128 rows of 2-bit cells") {
  hw::CrossbarSpec spec = Isaac();
  const LayerSizes sizes{9, 1, 1, 1, 256, 40, 1, 1, 1, 0, 1, 128, 128};
  CHECK(!MakeLayer(sizes, spec, Key(65)).Program().lossless);
  spec.column_flip = true;
  const CrossbarLayer flips = MakeLayer(sizes, spec, Key(65));
  CHECK(flips.Program().lossless);
  const hw::Programmed slow = hw::Program(flips.w, flips.conv, flips.spec,
                                          {.shortcut = hw::Shortcut::kNever});
  CHECK(BitEqual(hw::Forward(flips.x, slow, flips.ranges, flips.gain, nullptr),
                 flips.Forward()));
}

TEST_CASE("outputs are bf16 where inputs are, rounded once") {
  for (uint64_t i = 0; i < 8; ++i) {
    const Key key = Key(66).Child(i);
    const hw::CrossbarSpec spec = i < 4 ? RandomSpec(key) : hw::CrossbarSpec{};
    CrossbarLayer layer =
        MakeLayer(SizesFor(spec, key), spec, key.Child("layer"));
    layer.x = kernels::Cast(layer.x, DType::kBF16);
    const Tensor narrow = layer.Forward();
    REQUIRE(narrow.dtype() == DType::kBF16);
    layer.x = kernels::Cast(layer.x, DType::kF32);
    CHECK(BitEqual(narrow, kernels::Cast(layer.Forward(), DType::kBF16)));
  }
}

// A linear layer the way the array works: digit by digit, conversion by
// conversion, in whole numbers up to the ADC.
Tensor NaiveLinear(const CrossbarLayer& layer) {
  const hw::Programmed p = layer.Program();
  const hw::CrossbarSpec& spec = layer.spec;
  const Tensor x =
      hw::ApplyDac(layer.x, layer.ranges.input, hw::LargestInput(spec), 1.0F);
  const float unit = p.step * hw::StepFor(layer.ranges.input, 127);
  const int64_t images = x.size(0), fan_in = x.size(3),
                outputs = p.map.outputs();
  const int top = (1 << spec.adc_bits) - 1;
  Tensor y = Tensor::Zeros({images, 1, 1, outputs});
  for (int64_t at = 0; at < y.count(); ++at) {
    const float* inputs = x.data() + at / outputs * fan_in;
    const float* weights = p.codes.data() + at % outputs * fan_in;
    for (int64_t t = 0; t < p.map.row_tiles(); ++t) {
      const auto rows = p.map.RowsOf(t);
      const float step = std::max(
          1.0F,
          float(double(rows.size()) * 3 / (spec.column_flip ? 2 : 1) / top));
      int64_t codes = 0, offsets = 0;
      for (int s = 0; s < 4; ++s) {
        int stored = 0;
        for (const int32_t k : rows) {
          stored += ((int(weights[k]) + 127) >> (2 * s)) & 3;
        }
        const bool flips =
            spec.column_flip && 2 * stored > 3 * int(rows.size());
        for (int c = 0; c < 8; ++c) {
          int sum = 0, on = 0;
          for (const int32_t k : rows) {
            const int bit = ((int(inputs[k]) + 127) >> c) & 1;
            const int digit = ((int(weights[k]) + 127) >> (2 * s)) & 3;
            sum += bit * (flips ? 3 - digit : digit);
            on += bit;
          }
          const float scaled = float(sum) * (unit / (unit * step));
          const int code = std::min(int(std::nearbyint(scaled)), top);
          codes += int64_t{flips ? -code : code} << (2 * s + c);
          if (flips) offsets += int64_t{3 * on} << (2 * s + c);
        }
      }
      for (const int32_t k : rows) {
        const int v = int(inputs[k]) + 127, u = int(weights[k]) + 127;
        offsets -= 127 * v + 127 * u - 127 * 127;
      }
      y.data()[at] +=
          step == 1.0F ? float(codes + offsets) * unit
                       : float(codes) * (unit * step) + float(offsets) * unit;
    }
  }
  return y;
}

TEST_CASE("an ISAAC-like linear layer has the bits of the naive loop") {
  for (const int adc_bits : {5, 7, 8, 9}) {
    for (const bool flip : {false, true}) {
      hw::CrossbarSpec spec = Isaac();
      spec.adc_bits = adc_bits;
      spec.column_flip = flip;
      CrossbarLayer layer = MakeLayer(
          {9, 1, 1, 1, 300, 40, 1, 1, 1, 0, 1, 128, 128}, spec, Key(67));
      layer.gain = Tensor();
      const Tensor expected = NaiveLinear(layer);
      for (const size_t variant : SupportedKernels()) {
        const ForcedKernels forced(variant);
        CHECK(BitEqual(layer.Forward(), expected));
      }
    }
  }
}

TEST_CASE("bits taken together give the bits of planes taken apart") {
  int together = 0;
  for (uint64_t i = 0; i < 80; ++i) {
    const Key key = Key(68).Child(i);
    hw::CrossbarSpec spec = RandomSpec(key);
    spec.adc_per = hw::AdcPer::kCycle;
    spec.input_slice_bits = 1;
    spec.adc_bits = std::min(spec.adc_bits, 7);
    if (spec.input_sign == hw::InputSign::kDifferential) continue;
    const CrossbarLayer layer =
        MakeLayer(SizesFor(spec, key), spec, key.Child("layer"));
    if (layer.Program().slicing.whole()) continue;
    INFO("layer ", layer.name);
    REQUIRE(layer.Program().bits.defined());
    hw::BitTileKernels portable = hw::PortableBitTile();
    hw::ForceBitTileKernels(&portable);  // not fast: planes
    hw::Observed apart, seen;
    const Tensor planes = layer.Forward(&apart);
    portable.fast = true;
    const Tensor bits = layer.Forward(&seen);
    hw::ForceBitTileKernels(nullptr);
    CHECK(BitEqual(bits, planes));
    CHECK(seen.adc == apart.adc);
    for (const auto& variant : hw::BitTileKernelVariants()) {
      if (!variant.supported) continue;
      hw::ForceBitTileKernels(&variant);
      CHECK(BitEqual(layer.Forward(&seen), planes));
      CHECK(seen.adc == apart.adc);
    }
    hw::ForceBitTileKernels(nullptr);
    ++together;
  }
  CHECK(together > 20);
}

// The pass of negative inputs is left out where there are none.
TEST_CASE("positive inputs in two passes agree with the reference") {
  for (const auto per : {hw::AdcPer::kSlice, hw::AdcPer::kCycle}) {
    hw::CrossbarSpec spec;
    spec.encoding = hw::Encoding::kOffset;
    spec.cell_bits = 2;
    spec.input_sign = hw::InputSign::kTwoPass;
    spec.input_slice_bits = 1;
    spec.adc_per = per;
    spec.calibration = hw::Calibration::kFullScale;
    CrossbarLayer layer =
        MakeLayer({2, 6, 5, 1, 5, 9, 3, 3, 1, 1}, spec, Key(33));
    for (float& x : layer.x.span()) x = std::fabs(x);
    CheckAgainstReference(layer);
  }
}

}  // namespace
}  // namespace ohm::test
