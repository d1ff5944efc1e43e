#include "bench/sides.h"

#include <fmt/format.h>

#include "bench/timing.h"

namespace ohm::bench {

void RunGroup(const BenchOptions& options, const Group& group, double peak) {
  const Sides sides = group.make();
  std::vector<std::vector<double>> medians(sides.size());
  std::vector<Timing> best(sides.size());
  const double turn =
      options.seconds / double(size_t(options.rounds) * sides.size());
  for (int round = 0; round < options.rounds; ++round) {
    for (size_t i = 0; i < sides.size(); ++i) {
      const Timing timing = Measure(sides[i].run, turn);
      medians[i].push_back(timing.median_ms);
      if (round == 0 || timing.median_ms < best[i].median_ms) best[i] = timing;
    }
  }
  for (size_t i = 0; i < sides.size(); ++i) {
    std::vector<double> ratios;
    for (size_t r = 0; r < medians[i].size(); ++r) {
      ratios.push_back(medians[i][r] / medians[0][r]);
    }
    const double ratio = Median(ratios);
    Timing timing = Summarise(medians[i]);
    timing.min_ms = best[i].min_ms;
    std::string note =
        i == 0 ? "" : fmt::format("{:.3f} of [{}]", ratio, sides[0].name);
    train::Metrics more = {{"ratio_to_plain", ratio}};
    if (sides[i].gop > 0 && peak > 0) {
      const double share = sides[i].gop / timing.median_ms * 1e3 / peak;
      note += fmt::format(", {:.0f} % of the integer peak", 100 * share);
      more.emplace_back("integer_peak_percent", 100 * share);
    }
    Print(options, {.name = fmt::format("{} [{}]", group.name, sides[i].name),
                    .timing = timing,
                    .items = sides[i].items,
                    .unit = sides[i].unit,
                    .note = note,
                    .more = more});
  }
}

}  // namespace ohm::bench
