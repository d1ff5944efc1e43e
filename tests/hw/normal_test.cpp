// The normals that noise of reading is made of: the generator and its
// distribution.
#include "hw/kernels/normal.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "tests/hw/layers.h"
#include "tests/support/worse.h"

namespace ohm::test {
namespace {

TEST_CASE("noise: Threefry4x32-20 gives its published numbers") {
  // Random123's kat_vectors.
  using Block = std::array<uint32_t, 4>;
  CHECK(hw::Threefry4x32({0, 0, 0, 0}, {0, 0, 0, 0}) ==
        Block{0x9c6ca96a, 0xe17eae66, 0xfc10ecd4, 0x5256a7d8});
}

// The mean magnitude of a Gaussian beyond which lies a probability between
// (t - 1) / 2^16 and (t + 1) / 2^16.
double MeanOfPiece(int t) {
  const auto exceeded = [](double z) {
    return std::erfc(z / std::sqrt(2.0)) / 2;
  };
  const auto quantile = [&](double p) {
    double low = 0, high = 10;
    for (int i = 0; i < 80; ++i) {
      const double middle = (low + high) / 2;
      (exceeded(middle) > p ? low : high) = middle;
    }
    return low;
  };
  const auto density = [](double z) {
    return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
  };
  constexpr double kPieces = 65536;
  const double far = t == 1 ? 0 : density(quantile((t - 1) / 2 / kPieces));
  return (density(quantile((t + 1) / 2 / kPieces)) - far) * kPieces;
}

TEST_CASE("noise: all numbers are the means of their pieces") {
  for (int t = 1; t < 65536; t += 2) {
    const double wanted = MeanOfPiece(t);
    CAPTURE(t);
    REQUIRE(std::fabs(double(hw::NormalOf(uint32_t(t))) + wanted) < 4e-4);
    REQUIRE(hw::NormalOf(uint32_t(t - 1)) == -hw::NormalOf(uint32_t(t)));
  }
}

// Of all 65,536 values, so without sampling (docs/crossbar.md).
TEST_CASE("noise: the numbers' moments and distribution are a Gaussian's") {
  constexpr double kValues = 65536;
  std::vector<double> z;
  double square = 0, fourth = 0;
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    z.push_back(double(hw::NormalOf(bits)));
    square += z.back() * z.back() / kValues;
    fourth += std::pow(z.back(), 4) / kValues;
  }
  CHECK(std::fabs(square - 1) < 2e-5);
  CHECK(std::fabs(fourth / square / square - 3) < 3e-4);
  std::ranges::sort(z);
  double distance = 0;
  for (size_t i = 0; i < z.size(); ++i) {
    const double cdf = 0.5 * std::erfc(-z[i] / std::sqrt(2.0));
    distance = std::max(
        {distance, cdf - double(i) / kValues, double(i + 1) / kValues - cdf});
  }
  CHECK(distance < 1.4e-4);
}

TEST_CASE("noise: every variant gives what one number after the other gives") {
  constexpr int64_t kCount = 1024;
  std::vector<float> wanted;
  for (int64_t i = 0; i < kCount; ++i) {
    const int64_t block = i / 128 * 16 + i % 16, half = i / 16 % 8;
    const auto words = hw::Threefry4x32({uint32_t(block), 0, 0, 0},
                                        {5, 1, 7, 0}, hw::kNormalRounds);
    wanted.push_back(
        hw::NormalOf(words[size_t(half / 2)] >> (16 * (half % 2))));
  }
  for (const auto& variant : hw::NormalKernelVariants()) {
    if (!variant.supported) continue;
    CAPTURE(std::string(variant.name));
    std::vector<float> got(static_cast<size_t>(kCount));
    variant.fill(5 + (uint64_t{1} << 32), 7, 0, kCount, got.data());
    CHECK(got == wanted);
    variant.fill(5 + (uint64_t{1} << 32), 7, 100, 300, got.data());
    CHECK(std::equal(got.begin(), got.begin() + 300, wanted.begin() + 100));
  }
}

std::vector<float> Normals(uint64_t key, uint64_t stream, int64_t first,
                           int64_t count) {
  std::vector<float> v(static_cast<size_t>(count));
  hw::FillNormals(key, stream, first, count, v.data());
  return v;
}

TEST_CASE("noise: a number depends on key, stream and index alone") {
  const auto all = Normals(5, 7, 0, 1000);
  for (const int64_t first : {1, 16, 63, 64, 100, 128, 999}) {
    const auto rest = Normals(5, 7, first, 1000 - first);
    CHECK(std::equal(rest.begin(), rest.end(), all.begin() + first));
  }
  CHECK(Normals(6, 7, 0, 1000) != all);
  CHECK(Normals(5, 8, 0, 1000) != all);
  CHECK(Normals(5 + (uint64_t{1} << 40), 7, 0, 1000) != all);
  // Counters beyond 32 bits do not come round again.
  CHECK(Normals(5, 7, int64_t{1} << 40, 1000) != all);
}

double NormalCdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

TEST_CASE("noise: moments and distribution of a million numbers") {
  constexpr int64_t kCount = 1'000'000;
  auto v = Normals(11, 3, 0, kCount);
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0, neighbours = 0, squares = 0;
  for (int64_t i = 0; i < kCount; ++i) {
    const double x = v[size_t(i)];
    m1 += x;
    m2 += x * x;
    m3 += x * x * x;
    m4 += x * x * x * x;
    if (i > 0) neighbours += x * double(v[size_t(i - 1)]);
    // Of one word's two numbers, 16 apart.
    const double other = v[size_t(i ^ 16)];
    if ((i & 16) != 0) squares += x * x * other * other;
  }
  const double n = kCount, five = 5 / std::sqrt(n);
  CHECK(std::fabs(m1 / n) < five);
  CHECK(std::fabs(m2 / n - 1) < five * std::sqrt(2.0));
  CHECK(std::fabs(m3 / n) < five * std::sqrt(15.0));
  CHECK(std::fabs(m4 / n - 3) < five * std::sqrt(96.0));
  CHECK(std::fabs(neighbours / n) < five);
  CHECK(std::fabs(squares / (n / 2) - 1) < five * std::sqrt(2 * 8.0));
  // Kolmogorov-Smirnov: above 1.95 once in a thousand.
  std::ranges::sort(v);
  double distance = 0;
  for (int64_t i = 0; i < kCount; ++i) {
    const double cdf = NormalCdf(double(v[size_t(i)]));
    distance =
        std::max({distance, cdf - double(i) / n, double(i + 1) / n - cdf});
  }
  CHECK(distance * std::sqrt(n) < 1.95);
}

}  // namespace
}  // namespace ohm::test
