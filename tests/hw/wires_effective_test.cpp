#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/wires/dense.h"
#include "hw/wires/effective.h"
#include "tests/hw/nodal.h"
#include "tests/support/near.h"
#include "tests/support/worse.h"

namespace ohm::test {
namespace {

using hw::CellMatrix;
using hw::Wires;

struct Size {
  int64_t rows, columns;
};

const Size kSizes[] = {{1, 1},  {1, 2},   {2, 1},  {2, 3},   {5, 4},
                       {1, 17}, {17, 1},  {8, 8},  {7, 16},  {16, 9},
                       {3, 30}, {24, 25}, {33, 5}, {31, 32}, {40, 24}};

// Every combination of ideal and other resistances, all of them different.
Wires Combination(int bits) {
  return {bits & 1 ? 2.67 : 0, bits & 2 ? 7.5 : 0, bits & 4 ? 100.0 : 0,
          bits & 8 ? 41.0 : 0};
}

TEST_CASE("wires: exact conductances are those of nodal analysis") {
  double worst = 0;
  for (const Size& size : kSizes) {
    for (int bits = 0; bits < 16; ++bits) {
      const CellMatrix array =
          RandomArray(size.rows, size.columns, Key(1).Child(uint64_t(bits)));
      const Wires wires = Combination(bits);
      const double error = WorstError(NodalConductance(array, wires),
                                      hw::EffectiveConductance(array, wires));
      worst = Worse(worst, error);
      INFO(size.rows, " x ", size.columns, ", combination ", bits);
      CHECK(error <= 1e-9);
    }
  }
  MESSAGE("worst error: ", worst);
}

TEST_CASE("wires: exact at 64 x 64, and between extreme resistances") {
  const CellMatrix array = HalfGaussianArray(64, 64, Key(2));
  for (const Wires& wires :
       {Wires{2.67, 2.67, 4, 4}, Wires{28, 28, 4, 4}, Wires{1e-9, 0, 1e-9, 1e3},
        Wires{1e4, 1e5, 0, 1e6}}) {
    const double error = WorstError(NodalConductance(array, wires),
                                    hw::EffectiveConductance(array, wires));
    MESSAGE("error: ", error);
    CHECK(error <= 1e-9);
  }
}

// Nodal analysis has only 9 digits here: it adds 1e-6 S to 1e6 S. To first
// order, wires of r ohm do 1/100 of what wires of 100 r ohm do.
TEST_CASE("wires: hardly any resistance beside a large load") {
  const CellMatrix array = HalfGaussianArray(64, 64, Key(2));
  const auto solve = [&](double r) {
    return hw::EffectiveConductance(array, {r, r, 50, 50});
  };
  const auto ideal = solve(0), more = solve(1e-4);
  for (const double r : {1e-6, 1e-8}) {
    std::vector<double> expected = ideal;
    for (size_t c = 0; c < expected.size(); ++c) {
      expected[c] += r / 1e-4 * (more[c] - ideal[c]);
    }
    const double error = WorstError(expected, solve(r));
    MESSAGE("error: ", error);
    CHECK(error <= 1e-10);
  }
}

TEST_CASE("wires: ideal wires change no bit") {
  for (const Size& size : kSizes) {
    const CellMatrix array = RandomArray(size.rows, size.columns, Key(3));
    const hw::SolvedArray solved(array, {});
    CHECK(hw::EffectiveConductance(array, {}) == array.siemens);
    CHECK(solved.effective() == array.siemens);
    const std::vector<double> ones(array.siemens.size(), 1.0);
    CHECK(solved.Sensitivity() == ones);
    CHECK(solved.Gradient(array.siemens) == array.siemens);
  }
}

TEST_CASE("wires: every variant of the dense kernels inverts and multiplies") {
  const int64_t n = 40, columns = 24;
  // 3 + a matrix of 1/(1 + i + j): positive definite.
  const auto matrix = [&](double sign) {
    hw::AlignedDoubles a(n * n);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const double value = (i == j ? 3 : 0) + 1.0 / double(1 + i + j);
        a.data()[i * n + j] = sign * value;
      }
    }
    return a;
  };
  hw::AlignedDoubles x(n * columns);
  for (int64_t c = 0; c < n * columns; ++c) {
    x.data()[c] = Key(4).Normal(uint64_t(c));
  }
  const auto values = [&](const hw::AlignedDoubles& a) {
    return std::vector<double>(a.data(), a.data() + n * columns);
  };
  for (const hw::DenseKernels& kernels : hw::DenseKernelVariants()) {
    if (!kernels.supported) continue;
    INFO(std::string(kernels.name));
    hw::AlignedDoubles inverse = matrix(-1), scratch(2 * hw::kLane * n);
    kernels.invert(inverse.data(), n, scratch.data());
    hw::AlignedDoubles y(n * columns), back(n * columns);
    const hw::AlignedDoubles a = matrix(1);
    kernels.multiply(a.data(), n, x.data(), columns, columns, y.data(),
                     columns);
    kernels.multiply(inverse.data(), n, y.data(), columns, columns, back.data(),
                     columns);
    CHECK(WorstError(values(x), values(back)) <= 1e-13);
    double first = 0;
    for (int64_t k = 0; k < n; ++k) {
      first += a.data()[k] * x.data()[k * columns];
    }
    CHECK(y.data()[0] == Near(first, 1e-13));
  }
}

TEST_CASE("wires: many arrays in parallel have the bits of each alone") {
  std::vector<CellMatrix> arrays;
  for (uint64_t a = 0; a < 7; ++a) {
    arrays.push_back(HalfGaussianArray(9 + int64_t(a), 12, Key(5).Child(a)));
  }
  const Wires wires{2.67, 2.67, 4, 4};
  const int before = Threads();
  for (const int threads : {1, 2, 3}) {
    SetThreads(threads);
    const auto all = hw::EffectiveConductances(arrays, wires);
    REQUIRE(all.size() == arrays.size());
    for (size_t a = 0; a < arrays.size(); ++a) {
      CHECK(all[a] == hw::EffectiveConductance(arrays[a], wires));
      CHECK(all[a] == hw::SolvedArray(arrays[a], wires).effective());
    }
  }
  SetThreads(before);
}

// dL/dG by central differences, L = sum of gradient * Geff.
std::vector<double> Differences(const CellMatrix& array, const Wires& wires,
                                const std::vector<double>& gradient) {
  const auto loss = [&](const CellMatrix& changed) {
    const auto effective = hw::EffectiveConductance(changed, wires);
    double sum = 0;
    for (size_t c = 0; c < effective.size(); ++c) {
      sum += gradient[c] * effective[c];
    }
    return sum;
  };
  std::vector<double> result;
  for (size_t c = 0; c < array.siemens.size(); ++c) {
    const double step = 1e-3 * array.siemens[c];
    CellMatrix more = array, less = array;
    more.siemens[c] += step;
    less.siemens[c] -= step;
    result.push_back((loss(more) - loss(less)) / (2 * step));
  }
  return result;
}

TEST_CASE("wires: the adjoint gradient is that of central differences") {
  double worst = 0;
  for (const Size& size : {Size{1, 1}, Size{3, 2}, Size{2, 5}, Size{9, 10}}) {
    for (int bits = 0; bits < 16; ++bits) {
      const CellMatrix array =
          HalfGaussianArray(size.rows, size.columns, Key(6));
      const Wires wires = Combination(bits);
      const auto gradient = Normals(size.rows * size.columns, Key(7));
      const double error =
          WorstError(Differences(array, wires, gradient),
                     hw::SolvedArray(array, wires).Gradient(gradient));
      worst = Worse(worst, error);
      INFO(size.rows, " x ", size.columns, ", combination ", bits);
      CHECK(error <= 1e-6);
    }
  }
  MESSAGE("worst error: ", worst);
}

TEST_CASE("wires: sensitivity is the gradient of each cell's own entry") {
  for (const Size& size : {Size{1, 1}, Size{4, 9}, Size{17, 11}}) {
    for (const int bits : {1, 2, 4, 7, 8, 11, 13, 15}) {
      const CellMatrix array = RandomArray(size.rows, size.columns, Key(8));
      const hw::SolvedArray solved(array, Combination(bits));
      const std::vector<double> sensitivity = solved.Sensitivity();
      std::vector<double> expected;
      for (size_t c = 0; c < sensitivity.size(); ++c) {
        std::vector<double> one(sensitivity.size(), 0.0);
        one[c] = 1;
        expected.push_back(solved.Gradient(one)[c]);
      }
      CHECK(WorstError(expected, sensitivity) <= 1e-12);
      CHECK(std::ranges::min(sensitivity) > 0);
      CHECK(std::ranges::max(sensitivity) <= 1 + 1e-12);
    }
  }
}

TEST_CASE("wires: sensitivity is what a cell's own change does") {
  const CellMatrix array = HalfGaussianArray(12, 10, Key(9));
  const Wires wires{28, 17, 4, 50};
  const auto sensitivity = hw::SolvedArray(array, wires).Sensitivity();
  for (size_t c = 0; c < array.siemens.size(); c += 7) {
    const double step = 1e-3 * array.siemens[c];
    CellMatrix more = array, less = array;
    more.siemens[c] += step;
    less.siemens[c] -= step;
    const double difference = (hw::EffectiveConductance(more, wires)[c] -
                               hw::EffectiveConductance(less, wires)[c]) /
                              (2 * step);
    CHECK(sensitivity[c] == Near(difference, 1e-6));
  }
}

// Geff is homogeneous of degree 1 in all conductances, so by Euler's theorem
// sum over cells of G dGeff/dG, less sum over wires of R dGeff/dR, is Geff.
TEST_CASE("wires: the shares of all cells and wires add up to the whole") {
  const CellMatrix array = HalfGaussianArray(6, 5, Key(10));
  const Wires wires{28, 17, 4, 50};
  const hw::SolvedArray solved(array, wires);
  const double scale = 1 + 1e-4;
  const auto scaled = [&](double s) {
    return hw::EffectiveConductance(array, {28 * s, 17 * s, 4 * s, 50 * s});
  };
  const auto more = scaled(scale), less = scaled(2 - scale);
  for (size_t c = 0; c < array.siemens.size(); ++c) {
    std::vector<double> one(array.siemens.size(), 0.0);
    one[c] = 1;
    const auto gradient = solved.Gradient(one);
    double cells = 0;
    for (size_t k = 0; k < gradient.size(); ++k) {
      cells += array.siemens[k] * gradient[k];
    }
    const double resistances = (more[c] - less[c]) / (2 * (scale - 1));
    CHECK(cells - resistances == Near(solved.effective()[c], 1e-6));
  }
}

TEST_CASE("wires: by reciprocity inputs and outputs change places") {
  const CellMatrix array = RandomArray(6, 9, Key(11));
  const Wires wires{2.67, 7.5, 100, 41};
  CellMatrix image{9, 6, std::vector<double>(54)};
  for (size_t c = 0; c < 54; ++c) {
    const size_t i = c / 9, j = c % 9;
    image.siemens[(8 - j) * 6 + 5 - i] = array.siemens[c];
  }
  const auto effective = hw::EffectiveConductance(array, wires);
  const auto mirrored = hw::EffectiveConductance(image, {7.5, 2.67, 41, 100});
  for (size_t c = 0; c < 54; ++c) {
    const size_t i = c / 9, j = c % 9;
    CHECK(effective[c] == Near(mirrored[(8 - j) * 6 + 5 - i], 1e-12));
  }
}

TEST_CASE("wires: frozen models follow small changes of the cells") {
  const CellMatrix before = HalfGaussianArray(64, 64, Key(12));
  const Wires wires{2.67, 2.67, 4, 4};
  const hw::SolvedArray solved(before, wires);
  const auto share = hw::EffectiveShare(before, solved.effective());
  const auto sensitivity = solved.Sensitivity();
  CellMatrix after = before;
  for (size_t c = 0; c < after.siemens.size(); ++c) {
    after.siemens[c] *= 1 + 0.01 * (2 * Key(13).Uniform(c) - 1);
  }
  const auto exact = hw::EffectiveConductance(after, wires);
  std::vector<double> by_share, by_sensitivity;
  for (size_t c = 0; c < after.siemens.size(); ++c) {
    by_share.push_back(share[c] * after.siemens[c]);
    by_sensitivity.push_back(solved.effective()[c] +
                             sensitivity[c] *
                                 (after.siemens[c] - before.siemens[c]));
  }
  CHECK(RmsError(exact, solved.effective()) > 3e-3);
  CHECK(RmsError(exact, by_share) < 1e-3);
  CHECK(RmsError(exact, by_sensitivity) < 1e-3);
}

TEST_CASE("wires: what is no array or no wire is an error of one sentence") {
  const Wires wires{1, 1, 1, 1};
  CHECK_THROWS_WITH_AS(hw::EffectiveConductance({0, 3, {}}, wires),
                       doctest::Contains("at least 1 x 1"), Error);
  CHECK_THROWS_WITH_AS(hw::EffectiveConductance({2, 2, {1, 2, 3}}, wires),
                       doctest::Contains("2 x 2 conductances, got 3"), Error);
  CHECK_THROWS_WITH_AS(
      hw::EffectiveConductance({2, 2, {1, 2, -1e-6, 4}}, wires),
      doctest::Contains("got -1e-06 in row 1, column 0"), Error);
  CHECK_THROWS_WITH_AS(hw::EffectiveConductance({1, 1, {1}}, {.r_column = NAN}),
                       doctest::Contains("r_column"), Error);
  CHECK_THROWS_WITH_AS(hw::EffectiveConductance({1, 1, {1}}, {.r_load = -1}),
                       doctest::Contains("r_load"), Error);
  CHECK_THROWS_WITH_AS(
      hw::SolvedArray({1, 2, {1, 1}}, wires).Gradient(std::vector<double>(3)),
      doctest::Contains("gradient for each of 2"), Error);
}

struct CollectKey {
  std::set<std::string>* keys;
  void operator()(const char* key, double& field,
                  const hw::FieldDoc& doc) const {
    CHECK(keys->insert(key).second);
    CHECK(field == 0);
    CHECK(doc.min == 0);
    CHECK(std::string(doc.unit) == "ohm");
    field = doc.max;
  }
};

TEST_CASE("wires: fields have keys, units and ranges") {
  Wires wires;
  CHECK(wires.ideal());
  std::set<std::string> keys;
  wires.Visit(CollectKey{&keys});
  CHECK(keys ==
        std::set<std::string>{"r_row", "r_column", "r_source", "r_load"});
  CHECK(wires.r_load == 1e6);
  CHECK_FALSE(wires.ideal());
}

}  // namespace
}  // namespace ohm::test
