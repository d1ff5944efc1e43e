#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/kernels/elementwise.h"

namespace ohm::test {
namespace {

// Nearest bf16, ties to even, by looking at both neighbours in double.
float Nearest(float v) {
  const auto bits = std::bit_cast<uint32_t>(v);
  const auto low = std::bit_cast<float>(bits & 0xFFFF0000U);
  const auto high = std::bit_cast<float>((bits & 0xFFFF0000U) + 0x10000U);
  const double below = std::abs(double(v) - double(low));
  const double above = std::abs(double(high) - double(v));
  if (below != above) return below < above ? low : high;
  return (bits & 0x10000U) == 0 ? low : high;
}

TEST_CASE("bf16 rounds to nearest, ties to even, in loops as alone") {
  std::vector<float> values;
  for (uint32_t i = 0; i < 3000; ++i) {
    values.push_back(std::bit_cast<float>(0x3F7F0000U + i * 37));
    values.push_back(-std::bit_cast<float>(0x3F800000U + i * 0x8000U));
  }
  const Tensor x = Tensor::From({int64_t(values.size())}, values);
  const Tensor y = kernels::Cast(kernels::Cast(x, DType::kBF16), DType::kF32);
  for (size_t i = 0; i < values.size(); ++i) {
    CAPTURE(values[i]);
    CHECK(y.data()[i] == Nearest(values[i]));
    CHECK(ToFloat(FromFloat<BFloat16>(values[i])) == y.data()[i]);
  }
}

TEST_CASE("bf16 keeps zeros, infinities and NaNs") {
  const float inf = std::numeric_limits<float>::infinity();
  const auto round = [](float v) { return ToFloat(FromFloat<BFloat16>(v)); };
  CHECK(std::signbit(round(-0.0F)));
  CHECK(round(inf) == inf);
  CHECK(round(-inf) == -inf);
  CHECK(round(std::numeric_limits<float>::max()) == inf);
  for (const uint32_t nan : {0x7F800001U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    CHECK(std::isnan(round(std::bit_cast<float>(nan))));
  }
}

}  // namespace
}  // namespace ohm::test
