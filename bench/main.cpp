// The command line of the benchmarks.
#include <fmt/format.h>

#include <algorithm>
#include <cxxopts.hpp>

#include "bench/bench.h"
#include "core/base/check.h"

namespace ohm::bench {

const std::vector<BenchRow>& BenchTable() {
  static const std::vector<BenchRow> table = {
      {"step",
       "CONFIG.toml",
       "one training step on one fixed batch",
       {"set"},
       BenchStep},
      {"kernels",
       "[MATCH]",
       "convolution, matmul, batch norm, ... against the roofline",
       {"match", "threads"},
       BenchKernels},
      {"crossbar",
       "[MATCH]",
       "layers on crossbars against the plain layer, and the ratio",
       {"match", "threads", "rounds"},
       BenchCrossbar},
      {"chip",
       "[MATCH]",
       "networks on chips with real devices against ideal ones",
       {"match", "threads", "rounds"},
       BenchChip},
      {"tasks",
       "[MATCH]",
       "steps of learning a task by masks against full fine-tuning",
       {"match", "threads", "rounds"},
       BenchTasks},
      {"wires",
       "[MATCH]",
       "arrays with resistive wires, exactly solved, against the fp64 peak",
       {"match", "threads"},
       BenchWires},
      {"data",
       "CONFIG.toml",
       "the input pipeline alone: augmented images per second",
       {"set"},
       BenchData},
      {"pipeline",
       "CONFIG.toml",
       "training steps fed by the pipeline against a fixed batch",
       {"set"},
       BenchPipeline},
      {"peers",
       "[MATCH]",
       "the same step here and in PyTorch, in turn, and the ratio",
       {"match", "set", "rounds", "python", "peer-script"},
       BenchPeers},
  };
  return table;
}

namespace {

struct OptionRow {
  const char* name;
  const char* value;  // "" for a switch
  const char* help;
};

// Wide enough for "--set section.key=value".
constexpr const char* kOptionFormat = "  --{:<24} {}\n";

const std::vector<OptionRow>& OptionTable() {
  static const std::vector<OptionRow> table = {
      {"seconds", "S", "time per case, or per turn of peers (3)"},
      {"json", "", "one JSON object per case"},
      {"set", "section.key=value", "change a key of the config"},
      {"match", "TEXT", "only the cases with TEXT in their name"},
      {"threads", "N", "threads that compute; 0: all cores (0)"},
      {"rounds", "N", "turns of each side (5)"},
      {"python", "PROGRAM", "the Python that has torch"},
      {"peer-script", "PATH", "instead of bench/peers/pytorch_step.py"},
  };
  return table;
}

// Which benchmarks take an option; "" if all do.
std::string TakenBy(const std::string& option) {
  std::string names;
  for (const BenchRow& row : BenchTable()) {
    if (std::ranges::find(row.options, option) == row.options.end()) continue;
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  return names;
}

std::string Help() {
  std::string text = "ohmgrad bench NAME [OPTION...]\n\nbenchmarks\n";
  for (const BenchRow& row : BenchTable()) {
    text +=
        fmt::format("  {:<8} {:<12} {}\n", row.name, row.argument, row.help);
  }
  text += "\noptions\n";
  for (const OptionRow& row : OptionTable()) {
    const std::string by = TakenBy(row.name);
    text += fmt::format(
        fmt::runtime(kOptionFormat), fmt::format("{} {}", row.name, row.value),
        by.empty() ? row.help : fmt::format("{} [{}]", row.help, by));
  }
  return text +
         "\nEach checks its result, warms up, and prints the median, the "
         "minimum, the 90th\npercentile and the spread (quartile distance in "
         "% of the median) of repeated runs.\n";
}

// The value of a whole number of at least `low`.
int Whole(const cxxopts::ParseResult& parsed, const char* name, int low,
          int otherwise) {
  if (parsed.count(name) == 0) return otherwise;
  const int value = parsed[name].as<int>();
  if (value < low) {
    throw UsageError(
        fmt::format("--{}: expected at least {}, got {}", name, low, value));
  }
  return value;
}

std::string Text(const cxxopts::ParseResult& parsed, const char* name) {
  return parsed.count(name) == 0 ? "" : parsed[name].as<std::string>();
}

const BenchRow& FindRow(const std::string& name) {
  std::string names;
  for (const BenchRow& row : BenchTable()) {
    if (name == row.name) return row;
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  throw UsageError("expected one of " + names + "; got '" + name + "'");
}

// An option that would be ignored is a mistake the user should hear of.
void CheckTaken(const BenchRow& row, const cxxopts::ParseResult& parsed,
                bool has_overrides) {
  for (const OptionRow& option : OptionTable()) {
    const bool given = std::string(option.name) == "set"
                           ? has_overrides
                           : parsed.count(option.name) != 0;
    const std::string by = TakenBy(option.name);
    if (!given || by.empty()) continue;
    if (std::ranges::find(row.options, option.name) != row.options.end()) {
      continue;
    }
    throw UsageError(fmt::format("{}: expected --{} only with {}", row.name,
                                 option.name, by));
  }
}

BenchOptions ToBenchOptions(const BenchRow& row,
                            const cxxopts::ParseResult& parsed) {
  BenchOptions bench;
  if (parsed.count("seconds") != 0) {
    bench.seconds = parsed["seconds"].as<double>();
  }
  bench.json = parsed.count("json") != 0;
  bench.match = Text(parsed, "match");
  bench.threads = Whole(parsed, "threads", 0, bench.threads);
  bench.rounds = Whole(parsed, "rounds", 1, bench.rounds);
  bench.python = Text(parsed, "python");
  bench.peer_script = Text(parsed, "peer-script");
  const std::string argument = Text(parsed, "argument");
  if (std::string(row.argument) == "CONFIG.toml") {
    if (argument.empty()) {
      throw UsageError(std::string(row.name) + ": expected a CONFIG.toml");
    }
    bench.config = argument;
  } else if (!argument.empty()) {
    bench.match = argument;
  }
  return bench;
}

int Run(int argc, char** argv) {
  // cxxopts splits repeated values at commas, which lists need for themselves.
  std::vector<std::string> overrides;
  std::vector<const char*> rest{argv[0]};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--set" && i + 1 < argc) {
      overrides.emplace_back(argv[++i]);
    } else if (word.starts_with("--set=")) {
      overrides.push_back(word.substr(6));
    } else {
      rest.push_back(argv[i]);
    }
  }
  cxxopts::Options options("ohmgrad bench");
  const auto text = [] { return cxxopts::value<std::string>(); };
  options.add_options()("seconds", "", cxxopts::value<double>())("json", "")(
      "match", "", text())("threads", "", cxxopts::value<int>())(
      "rounds", "", cxxopts::value<int>())("python", "", text())(
      "peer-script", "", text())("h,help", "")("name", "", text())("argument",
                                                                   "", text());
  options.parse_positional({"name", "argument"});
  const auto parsed = options.parse(int(rest.size()), rest.data());
  if (parsed.count("help") != 0 || parsed.count("name") == 0) {
    fmt::print("{}", Help());
    return parsed.count("help") != 0 ? 0 : 2;
  }
  const BenchRow& row = FindRow(Text(parsed, "name"));
  if (!parsed.unmatched().empty()) {
    throw UsageError(
        fmt::format("{}: expected one word after the name, also "
                    "got '{}'",
                    row.name, parsed.unmatched()[0]));
  }
  CheckTaken(row, parsed, !overrides.empty());
  BenchOptions bench = ToBenchOptions(row, parsed);
  bench.overrides = overrides;
  row.run(bench);
  return 0;
}

}  // namespace
}  // namespace ohm::bench

int main(int argc, char** argv) {
  const auto complain = [](const std::string& message, int code) {
    std::fflush(stdout);
    fmt::print(stderr, "ohmgrad bench: {}\n", message);
    return code;
  };
  try {
    return ohm::bench::Run(argc, argv);
  } catch (const ohm::UsageError& error) {
    return complain(error.what(), 2);
  } catch (const cxxopts::exceptions::exception& error) {
    return complain(error.what(), 2);
  } catch (const std::exception& error) {
    return complain(error.what(), 1);
  }
}
