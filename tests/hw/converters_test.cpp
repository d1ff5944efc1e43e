#include "hw/converters.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "core/base/check.h"
#include "core/base/random.h"
#include "core/kernels/elementwise.h"
#include "hw/conductance.h"
#include "hw/spec_fields.h"
#include "tests/support/near.h"

namespace ohm::test {
namespace {

Tensor Normals(int64_t count, Key key) {
  Tensor t = Tensor::Empty({count});
  for (int64_t i = 0; i < count; ++i) {
    t.data()[i] = float(key.Normal(uint64_t(i)));
  }
  return t;
}

// In x's own unit.
Tensor Dac(const Tensor& x, float range, int largest) {
  return hw::ApplyDac(x, range, largest, hw::StepFor(range, largest));
}

TEST_CASE("converters round half to even and clip") {
  const float halves[] = {0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -2.5F, 0.49F, -0.51F};
  const int codes[] = {0, 2, 2, 0, -2, -2, 0, -1};
  for (size_t i = 0; i < std::size(halves); ++i) {
    CHECK(hw::QuantizeOne(halves[i], 1.0F, 7) == codes[i]);
    CHECK(hw::QuantizeOne(halves[i] * 0.25F, 0.25F, 7) == codes[i]);
  }
  CHECK(hw::QuantizeOne(7.4F, 1.0F, 7) == 7);
  CHECK(hw::QuantizeOne(1e30F, 1.0F, 7) == 7);
  CHECK(hw::QuantizeOne(-1e30F, 1.0F, 7) == -7);
  CHECK(hw::QuantizeOne(std::numeric_limits<float>::infinity(), 1.0F, 7) == 7);
}

TEST_CASE("weights and inputs take at most 2^bits - 1 codes, and 0 stays 0") {
  const Tensor x = Normals(20000, Key(1));
  for (int bits = 2; bits <= 10; ++bits) {
    const int h = hw::LargestCode(bits);
    const hw::QuantizedWeights q = hw::QuantizeWeights(x, h);
    const float range = 2.0F;
    const Tensor dac = Dac(x, range, h);
    std::set<float> weights(q.codes.span().begin(), q.codes.span().end());
    std::set<float> inputs(dac.span().begin(), dac.span().end());
    CHECK(weights.size() <= size_t(2 * h + 1));
    CHECK(inputs.size() <= size_t(2 * h + 1));
    CHECK(std::max(*weights.rbegin(), -*weights.begin()) == float(h));
    CHECK(*inputs.rbegin() == Near(range));
    CHECK(inputs.count(0.0F) == 1);
    for (int64_t i = 0; i < x.count(); ++i) {
      const float value = x.data()[i];
      REQUIRE(std::fabs(q.codes.data()[i] * q.step - value) <=
              0.5001F * q.step);
      if (std::fabs(value) > range) continue;
      REQUIRE(std::fabs(dac.data()[i] - value) <= 0.5001F * range / float(h));
    }
  }
}

TEST_CASE("the kernels' input codes are those of the DAC") {
  const Tensor x = Normals(1000, Key(2));
  for (const int largest : {1, 15, 20, 127}) {
    const float range = 1.5F, step = hw::StepFor(range, largest);
    std::vector<uint8_t> codes(1000);
    hw::InputCodes(x.data(), x.count(), step, largest, codes.data());
    const Tensor dac = Dac(x, range, largest);
    for (size_t i = 0; i < codes.size(); ++i) {
      REQUIRE(float(int{codes[i]} - 128) * step == dac.data()[i]);
    }
  }
}

TEST_CASE("nothing to cover: zeros stay zeros") {
  const Tensor zeros = Tensor::Zeros({3, 2});
  const auto q = hw::QuantizeWeights(zeros, 127);
  CHECK(q.step == 1.0F);
  CHECK(BitEqual(q.codes, zeros));
  CHECK(BitEqual(Dac(zeros, 0.0F, 127), zeros));
  CHECK(hw::MaxAbs(zeros) == 0.0F);
}

TEST_CASE("a fixed range keeps the codes of weights that stay") {
  Tensor w = Normals(100, Key(4));
  const float range = hw::MaxAbs(w);
  const hw::QuantizedWeights before = hw::QuantizeWeights(w, 127);
  CHECK(BitEqual(hw::QuantizeWeights(w, 127, range).codes, before.codes));
  w.data()[7] = 3 * range;
  w.data()[8] = -3 * range;
  const hw::QuantizedWeights after = hw::QuantizeWeights(w, 127, range);
  CHECK(after.step == before.step);
  for (int64_t i = 0; i < w.count(); ++i) {
    const float wanted = i == 7   ? 127.0F
                         : i == 8 ? -127.0F
                                  : before.codes.data()[i];
    CHECK(after.codes.data()[i] == wanted);
  }
}

TEST_CASE("an ideal converter passes values through") {
  const Tensor x = Normals(100, Key(3));
  CHECK(BitEqual(hw::ApplyDac(x, 0.1F, 0, 1.0F), x));
  CHECK(BitEqual(hw::QuantizeWeights(x, 0).codes, x));
  Tensor g = Tensor::Full({100}, 2.0F);
  hw::MaskDacGradient(x, 0.1F, 0, &g);
  CHECK(BitEqual(g, Tensor::Full({100}, 2.0F)));
}

TEST_CASE("bf16 inputs: codes are exact, magnitudes and masks the same") {
  const Tensor x = kernels::Cast(
      kernels::Cast(Normals(5000, Key(5)), DType::kBF16), DType::kF32);
  const Tensor narrow = kernels::Cast(x, DType::kBF16);
  CHECK(hw::MaxAbs(narrow) == hw::MaxAbs(x));
  CHECK(BitEqual(
      kernels::Cast(hw::ApplyDac(narrow, 2.0F, 127, 1.0F), DType::kF32),
      hw::ApplyDac(x, 2.0F, 127, 1.0F)));
  Tensor g = kernels::Cast(Tensor::Full({5000}, 1.5F), DType::kBF16);
  Tensor g32 = Tensor::Full({5000}, 1.5F);
  hw::MaskDacGradient(narrow, 1.0F, 127, &g);
  hw::MaskDacGradient(x, 1.0F, 127, &g32);
  CHECK(BitEqual(kernels::Cast(g, DType::kF32), g32));
}

TEST_CASE("the largest magnitude is found anywhere, and must be finite") {
  Tensor x = Normals(100001, Key(4));
  x.data()[77777] = -9.5F;
  CHECK(hw::MaxAbs(x) == 9.5F);
  x.data()[100000] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(hw::MaxAbs(x), Error);
  x.data()[100000] = -std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(hw::MaxAbs(x), Error);
}

TEST_CASE("a clipped input passes no gradient") {
  const Tensor x = Tensor::From({5}, std::vector<float>{-3, -2, 0, 2, 2.5F});
  Tensor g = Tensor::Full({5}, 1.0F);
  hw::MaskDacGradient(x, 2.0F, 127, &g);
  CHECK(BitEqual(g, Tensor::From({5}, std::vector<float>{0, 1, 1, 1, 0})));
}

TEST_CASE("differential pairs: exact round trip, and g_max at any precision") {
  for (int bits = 2; bits <= 16; ++bits) {
    hw::CrossbarSpec spec;
    spec.weight_bits = bits;
    const int h = hw::LargestCode(bits);
    for (int code = -h; code <= h; ++code) {
      const hw::Pair pair = hw::ToPair(code, h, spec);
      REQUIRE(std::nearbyint(hw::ToCode(pair, h, spec)) == code);
      REQUIRE(std::fabs(hw::ToCode(pair, h, spec) - code) < 1e-6);
      REQUIRE(std::min(pair.plus, pair.minus) == spec.g_min);
      REQUIRE(std::max(pair.plus, pair.minus) <= spec.g_max);
    }
    CHECK(hw::ToPair(h, h, spec).plus == spec.g_max);
    CHECK(hw::ToPair(-h, h, spec).minus == spec.g_max);
    CHECK(hw::ToPair(0, h, spec).plus == spec.g_min);
    CHECK(hw::ToPair(0.5, h, spec).plus ==
          Near(spec.g_min + hw::ConductanceStep(h, spec) / 2));
  }
}

// Every field: documented, its default in range, and writable by its key.
struct CheckField {
  std::set<std::string>* keys;

  template <typename T>
  void operator()(const char* key, T& field, const hw::FieldDoc& doc) const {
    INFO("key ", std::string(key));
    CHECK(keys->insert(key).second);
    CHECK(std::string(doc.doc).size() > 10);
    const auto value = double(field);
    if constexpr (std::is_enum_v<T>) {
      CHECK(value < double(doc.choices.size()));
      field = T(doc.choices.size() - 1);
    } else if constexpr (std::is_same_v<T, bool>) {
      field = !field;
    } else {
      CHECK(value >= doc.min);
      CHECK(value <= doc.max);
      field = T(doc.max);
    }
  }
};

TEST_CASE("every field of a crossbar is described, and set by its key") {
  hw::CrossbarSpec spec;
  std::set<std::string> keys;
  hw::VisitFields(spec, CheckField{&keys});
  for (const char* key : {"rows", "columns", "weight_bits", "dac_bits",
                          "adc_bits", "adc_range", "calibration", "percentile",
                          "range_momentum", "g_min", "g_max", "v_dd"}) {
    CHECK(keys.count(key) == 1);
  }
  CHECK(spec.rows == 4096);
  CHECK(spec.adc_bits == 16);
  CHECK(spec.calibration == hw::Calibration::kLearned);
  CHECK(spec.v_dd == 100.0);
}

TEST_CASE("a crossbar that contradicts itself is an error") {
  CHECK_NOTHROW(hw::CheckSpec({}));
  hw::CrossbarSpec spec;
  spec.adc_bits = 1;
  CHECK_THROWS_AS(hw::CheckSpec(spec), Error);
  spec = {};
  spec.weight_bits = 17;
  CHECK_THROWS_AS(hw::CheckSpec(spec), Error);
  spec = {};
  spec.g_min = spec.g_max;
  CHECK_THROWS_AS(hw::CheckSpec(spec), Error);
  spec = {};
  spec.columns = 0;
  CHECK_THROWS_AS(hw::CheckSpec(spec), Error);
  spec = {};
  spec.dac_levels = 64;
  CHECK_THROWS_WITH_AS(hw::CheckSpec(spec), doctest::Contains("odd number"),
                       Error);
  spec = {};
  spec.column_flip = true;
  CHECK_THROWS_WITH_AS(hw::CheckSpec(spec), doctest::Contains("hw.encoding"),
                       Error);
  spec = {};
  spec.adc_per = hw::AdcPer::kSlice;
  spec.weight_bits = 9;
  CHECK_THROWS_WITH_AS(hw::CheckSpec(spec), doctest::Contains("2..8 bits"),
                       Error);
  spec.weight_bits = 8;
  spec.encoding = hw::Encoding::kOffset;
  CHECK_THROWS_WITH_AS(hw::CheckSpec(spec), doctest::Contains("at most 7 bits"),
                       Error);
  spec.cell_bits = 4;
  CHECK_NOTHROW(hw::CheckSpec(spec));
  spec.adc_per = hw::AdcPer::kCycle;
  spec.input_slice_bits = spec.cell_bits = 1;
  spec.adc_bits = 12;
  CHECK_THROWS_WITH_AS(hw::CheckSpec(spec), doctest::Contains("2^24"), Error);
}

}  // namespace
}  // namespace ohm::test
