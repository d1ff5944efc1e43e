#include <fmt/format.h>

#include <cxxopts.hpp>

#include "bench/bench.h"
#include "core/base/check.h"

namespace ohm::bench {

const std::vector<BenchRow>& BenchTable() {
  static const std::vector<BenchRow> table = {
      {"step", "CONFIG.toml", "one training step of a config", BenchStep},
      {"kernels", "", "ResNet-20's convolutions, each alone", BenchKernels},
  };
  return table;
}

void Print(const BenchOptions& options, const std::string& name,
           const Timing& timing, double items, const std::string& unit) {
  fmt::print("{}", options.json
                       ? train::ToJson(ToMetrics(name, timing, items)) + "\n"
                       : ToText(name, timing, items, unit));
  std::fflush(stdout);
}

namespace {

std::string Help() {
  std::string text =
      "ohmgrad bench NAME [CONFIG.toml] [--set section.key=value]... "
      "[--seconds S] [--json]\n\nbenchmarks\n";
  for (const BenchRow& row : BenchTable()) {
    text +=
        fmt::format("  {:<8} {:<12} {}\n", row.name, row.arguments, row.help);
  }
  return text +
         "\nEach checks its result, warms up, and prints the median, minimum "
         "and 90th percentile\nof repeated runs. --seconds: time per case "
         "(3). --json: one object per case.\n";
}

int Run(int argc, char** argv) {
  BenchOptions bench;
  std::vector<const char*> rest{argv[0]};
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--set" && i + 1 < argc) {
      bench.overrides.emplace_back(argv[++i]);
    } else {
      rest.push_back(argv[i]);
    }
  }
  cxxopts::Options options("ohmgrad bench");
  options.add_options()("seconds", "", cxxopts::value<double>())("json", "")(
      "h,help", "")("name", "", cxxopts::value<std::string>())(
      "config", "", cxxopts::value<std::string>());
  options.parse_positional({"name", "config"});
  const auto parsed = options.parse(int(rest.size()), rest.data());
  if (parsed.count("help") != 0 || parsed.count("name") == 0) {
    fmt::print("{}", Help());
    return parsed.count("help") != 0 ? 0 : 2;
  }
  if (parsed.count("seconds") != 0) {
    bench.seconds = parsed["seconds"].as<double>();
  }
  if (parsed.count("config") != 0) {
    bench.config = parsed["config"].as<std::string>();
  }
  bench.json = parsed.count("json") != 0;
  const auto name = parsed["name"].as<std::string>();
  for (const BenchRow& row : BenchTable()) {
    if (name != row.name) continue;
    row.run(bench);
    return 0;
  }
  throw UsageError("ohmgrad bench: no benchmark is called '" + name + "'");
}

}  // namespace
}  // namespace ohm::bench

int main(int argc, char** argv) {
  try {
    return ohm::bench::Run(argc, argv);
  } catch (const ohm::UsageError& error) {
    fmt::print(stderr, "ohmgrad bench: {}\n", error.what());
    return 2;
  } catch (const cxxopts::exceptions::exception& error) {
    fmt::print(stderr, "ohmgrad bench: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "ohmgrad bench: {}\n", error.what());
    return 1;
  }
}
