#include "hw/histogram.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/random.h"

namespace ohm::test {
namespace {

TEST_CASE("percentiles are those of the sorted magnitudes, to one bin") {
  const Key key(1);
  std::vector<float> values(30001);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = float(std::exp(3 * key.Normal(i)) * (i % 2 == 0 ? 1 : -1));
  }
  hw::MagnitudeHistogram all, half;
  all.Add(values.data(), 10000);
  half.Add(values.data() + 10000, int64_t(values.size()) - 10000);
  all.Merge(half);

  std::vector<float> sorted;
  for (const float v : values) sorted.push_back(std::fabs(v));
  std::ranges::sort(sorted);
  CHECK(all.largest() == sorted.back());
  CHECK(all.Percentile(100) == sorted.back());
  for (const double percent : {50.0, 90.0, 99.0, 99.9, 99.99}) {
    const auto index =
        size_t(std::ceil(percent / 100 * double(sorted.size()))) - 1;
    const float bound = all.Percentile(percent);
    CHECK(bound >= sorted[index]);
    CHECK(bound <= sorted[index] * 1.016F);
  }
}

TEST_CASE("percentiles of zeros, of nothing, and of one value") {
  hw::MagnitudeHistogram h;
  CHECK(h.Percentile(99) == 0.0F);
  const std::vector<float> zeros(10, 0.0F);
  h.Add(zeros.data(), 10);
  CHECK(h.Percentile(99) == 0.0F);
  hw::MagnitudeHistogram one;
  const float value = -3.25F;
  one.Add(&value, 1);
  CHECK(one.Percentile(50) == 3.25F);
}

// Mean square error of a quantiser on the values themselves.
double QuantiserError(const std::vector<float>& values, double range, int h) {
  double sum = 0;
  for (const float v : values) {
    const double step = range / h;
    const double code =
        std::clamp(std::nearbyint(double(v) / step), -double(h), double(h));
    sum += std::pow(double(v) - code * step, 2.0);
  }
  return sum / double(values.size());
}

TEST_CASE("the range of least error beats its neighbours and the largest") {
  for (const int h : {7, 15, 31, 127}) {
    std::vector<float> values;
    for (uint64_t i = 0; i < 20000; ++i) {
      values.push_back(float(std::pow(Key(6).Normal(i), 3.0)));  // long tails
    }
    hw::MagnitudeHistogram histogram;
    histogram.Add(values.data(), int64_t(values.size()));
    const double best = double(histogram.LeastErrorRange(h));
    const double error = QuantiserError(values, best, h);
    if (h <= 15) {  // the coarser, the more it pays to clip
      CHECK(best < 0.7 * double(histogram.largest()));
      CHECK(error <
            0.7 * QuantiserError(values, double(histogram.largest()), h));
    }
    for (const double other : {0.7, 0.85, 1.2, 1.5}) {
      CHECK(error < 1.03 * QuantiserError(values, best * other, h));
    }
  }
  CHECK(hw::MagnitudeHistogram().LeastErrorRange(7) == 0.0F);
}

}  // namespace
}  // namespace ohm::test
