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

}  // namespace
}  // namespace ohm::test
