#include "bench/timing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/parallel.h"

namespace ohm::bench {
namespace {

// The quantile of `share`, between two values by a line.
double At(const std::vector<double>& sorted, double share) {
  const double place = share * double(sorted.size() - 1);
  const auto below = size_t(place);
  const auto above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - double(below));
}

}  // namespace

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return At(values, 0.5);
}

Timing Summarise(std::vector<double> ms) {
  std::ranges::sort(ms);
  Timing timing;
  timing.median_ms = At(ms, 0.5);
  timing.min_ms = ms.front();
  timing.p90_ms = At(ms, 0.9);
  timing.spread_percent =
      100 * (At(ms, 0.75) - At(ms, 0.25)) / timing.median_ms;
  timing.runs = int(ms.size());
  return timing;
}

Timing Measure(const std::function<void()>& run, double seconds) {
  constexpr int kWarmUp = 3, kLeast = 5, kMost = 1000;
  for (int i = 0; i < kWarmUp; ++i) run();
  std::vector<double> ms;
  const Stopwatch all;
  while (int(ms.size()) < kLeast ||
         (all.seconds() < seconds && int(ms.size()) < kMost)) {
    const Stopwatch one;
    run();
    ms.push_back(one.seconds() * 1e3);
  }
  return Summarise(std::move(ms));
}

train::Metrics ToMetrics(const std::string& name, const Timing& timing,
                         double items) {
  return {{"name", name},
          {"median_ms", timing.median_ms},
          {"min_ms", timing.min_ms},
          {"p90_ms", timing.p90_ms},
          {"spread_percent", timing.spread_percent},
          {"per_second", items / timing.median_ms * 1e3},
          {"threads", int64_t(Threads())},
          {"runs", int64_t(timing.runs)}};
}

std::string ToText(const std::string& name, const Timing& timing, double items,
                   const std::string& unit) {
  return fmt::format(
      "{:<40} {:9.3f} ms (min {:.3f}, p90 {:.3f}, spread {:.1f} %, {} runs) "
      "{:10.1f} {}",
      name, timing.median_ms, timing.min_ms, timing.p90_ms,
      timing.spread_percent, timing.runs, items / timing.median_ms * 1e3, unit);
}

}  // namespace ohm::bench
