#include "bench/timing.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "core/base/parallel.h"

namespace ohm::bench {

Timing Measure(const std::function<void()>& run, double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr int kWarmUp = 3, kLeast = 5, kMost = 1000;
  for (int i = 0; i < kWarmUp; ++i) run();
  std::vector<double> ms;
  const auto start = Clock::now();
  const auto since = [](Clock::time_point t) {
    return std::chrono::duration<double>(Clock::now() - t).count();
  };
  while (int(ms.size()) < kLeast ||
         (since(start) < seconds && int(ms.size()) < kMost)) {
    const auto begin = Clock::now();
    run();
    ms.push_back(since(begin) * 1e3);
  }
  std::ranges::sort(ms);
  const auto at = [&](double share) {
    return ms[size_t(share * double(ms.size() - 1) + 0.5)];
  };
  return {at(0.5), ms.front(), at(0.9), int(ms.size())};
}

train::Metrics ToMetrics(const std::string& name, const Timing& timing,
                         double items) {
  return {{"name", name},
          {"median_ms", timing.median_ms},
          {"min_ms", timing.min_ms},
          {"p90_ms", timing.p90_ms},
          {"per_second", items / timing.median_ms * 1e3},
          {"threads", int64_t(Threads())},
          {"runs", int64_t(timing.runs)}};
}

std::string ToText(const std::string& name, const Timing& timing, double items,
                   const std::string& unit) {
  return fmt::format(
      "{:<44} {:9.3f} ms (min {:.3f}, p90 {:.3f}, {} runs) {:10.1f} {}\n", name,
      timing.median_ms, timing.min_ms, timing.p90_ms, timing.runs,
      items / timing.median_ms * 1e3, unit);
}

}  // namespace ohm::bench
