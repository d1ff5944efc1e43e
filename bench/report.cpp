// What all benchmarks print, and how --match chooses cases.
#include <fmt/format.h>

#include <cstdio>

#include "bench/bench.h"
#include "core/base/check.h"

namespace ohm::bench {

void Print(const BenchOptions& options, const CaseResult& result) {
  if (options.json) {
    train::Metrics line = ToMetrics(result.name, result.timing, result.items);
    line.emplace_back("unit", result.unit);
    line.insert(line.end(), result.more.begin(), result.more.end());
    fmt::print("{}\n", train::ToJson(line));
  } else {
    fmt::print("{}{}{}\n",
               ToText(result.name, result.timing, result.items, result.unit),
               result.note.empty() ? "" : "  ", result.note);
  }
  std::fflush(stdout);
}

std::vector<size_t> Select(const BenchOptions& options,
                           const std::string& benchmark,
                           const std::vector<std::string>& names) {
  std::vector<size_t> selected;
  std::string all;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].find(options.match) != std::string::npos) {
      selected.push_back(i);
    }
    all += (i == 0 ? "" : ", ") + names[i];
  }
  if (selected.empty()) {
    throw UsageError(
        fmt::format("{}: expected --match to be part of one of these "
                    "names: {}; got '{}'",
                    benchmark, all, options.match));
  }
  return selected;
}

}  // namespace ohm::bench
