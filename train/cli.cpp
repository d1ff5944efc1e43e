#include "train/cli.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cxxopts.hpp>
#include <filesystem>

#include "core/base/check.h"
#include "datasets/table.h"
#include "hw/effects/effect.h"
#include "hw/wires/approximate.h"
#include "nn/layers/table.h"
#include "nn/masks/mask.h"
#include "nn/models/model.h"
#include "train/commands/command.h"
#include "train/config_keys.h"
#include "train/optim/table.h"
#include "train/tasks/method.h"
#include "train/tasks/selection.h"
#include "train/tasks/store.h"
#include "train/version.h"

namespace ohm::train {
namespace {

constexpr int kOk = 0, kFailure = 1, kUsage = 2;

// Whether commands of two words begin with this one.
bool BeginsCommands(const std::string& word) {
  return std::ranges::any_of(CommandTable(), [&](const CommandRow& row) {
    return std::string(row.name).starts_with(word + " ");
  });
}

// Of all commands, or of those that begin with `prefix`.
std::string Overview(const std::string& prefix = "") {
  std::string text =
      "ohmgrad: neural networks for ReRAM crossbars\n\n"
      "  ohmgrad COMMAND [CONFIG.toml] [--set section.key=value]... "
      "[--json]\n\n"
      "commands\n";
  for (const CommandRow& row : CommandTable()) {
    if (!std::string(row.name).starts_with(prefix)) continue;
    text +=
        fmt::format("  {:<13} {:<12} {}\n", row.name, row.arguments, row.help);
  }
  if (!prefix.empty()) return text;
  text += fmt::format("  {:<13} {:<12} {}\n", "list", "[keys]",
                      "what can be named in a config; all keys as Markdown");
  text += fmt::format("  {:<13} {:<12} {}\n", "bench", "[NAME ...]",
                      "timings; 'ohmgrad bench --help' says of what");
  return text +
         "\n'ohmgrad COMMAND --help' explains one command and lists "
         "the config keys\nof its sections; 'ohmgrad --version' tells the "
         "kernels that this machine gets.\n";
}

template <typename Table>
void PrintTable(const char* title, const Table& table) {
  fmt::print("{}\n", title);
  for (const auto& row : table) {
    if constexpr (requires { row.help; }) {
      fmt::print("  {:<16} {}\n", row.name, row.help);
    } else {  // rows of hw
      fmt::print("  {:<16} {}\n", row.name, row.doc);
    }
  }
  fmt::print("\n");
}

// Every data set with its folder below data.root.
void PrintDatasets() {
  fmt::print(
      "data sets (data.set, tasks.sets), and their folders in data.root\n");
  for (const auto& row : datasets::Table()) {
    const std::string folder = row.folder;
    fmt::print("  {:<16} {:<20} {}\n", row.name,
               folder.empty() ? "-" : folder + "/", row.help);
  }
  fmt::print("\n");
}

int List(const std::vector<std::string>& words) {
  if (words.size() == 1 && words[0] == "keys") {
    fmt::print("{}", KeyMarkdown());
    return kOk;
  }
  if (words.size() == 1 && (words[0] == "--help" || words[0] == "-h")) {
    fmt::print(
        "ohmgrad list         what can be named in a config: models, data "
        "sets,\n                     presets, methods, masks, ...\n"
        "ohmgrad list keys    every config key with its default, unit and "
        "range,\n                     as Markdown (docs/config.md)\n");
    return kOk;
  }
  if (!words.empty()) {
    std::string got;
    for (const auto& word : words) got += (got.empty() ? "" : " ") + word;
    throw UsageError("list: expected nothing or 'keys', got '" + got + "'");
  }
  PrintTable("models (model.name)", nn::ModelTable());
  PrintDatasets();
  fmt::print("crossbars (hw.preset)\n ");
  for (const std::string& name : PresetNames()) fmt::print(" {}", name);
  fmt::print("\n\n");
  PrintTable(
      "effects of real devices, in the order in which they act (keys of "
      "[device])",
      hw::Effects());
  PrintTable("how wires are computed (device.wire_model)",
             hw::WireModelTable());
  PrintTable("methods for new tasks (tasks.methods)", MethodTable());
  PrintTable("rules by which PEs are chosen (tasks.select)", SelectorTable());
  PrintTable("masks", nn::MaskTable());
  PrintTable("layers", nn::LayerTable());
  fmt::print("optimisers (train.optimizer)\n ");
  for (const auto& name : OptimizerNames()) fmt::print(" {}", name);
  fmt::print("\n\nschedules (train.schedule)\n ");
  for (const auto& name : ScheduleNames()) fmt::print(" {}", name);
  fmt::print("\n");
  return kOk;
}

// The benchmarks are a program of their own beside this one: bench/ may use
// everything and nothing may use bench/.
int Bench(const std::vector<std::string>& words) {
  const auto beside =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() /
      "ohmgrad-bench";
  OHM_CHECK(std::filesystem::exists(beside),
            "the benchmarks are not built: expected '" + beside.string() +
                "' (OHM_BUILD_BENCH)");
  std::vector<std::string> copies{beside.string()};
  copies.insert(copies.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ThrowError("cannot run '" + beside.string() + "'");
}

// Moves what overrides config keys out of `words`, in the order given: --set,
// and the command's own words, which stand for keys. cxxopts would split the
// values at commas, which lists need for themselves.
std::vector<std::string> TakeOverrides(const CommandRow& row,
                                       std::vector<std::string>* words) {
  std::vector<std::pair<std::string, std::string>> options{{"--set", ""}};
  for (const ShortOption& option : row.options) {
    options.emplace_back("--" + std::string(option.name),
                         std::string(option.key) + "=");
  }
  std::vector<std::string> overrides, rest;
  for (size_t i = 0; i < words->size(); ++i) {
    const std::string& word = (*words)[i];
    const auto it = std::ranges::find_if(options, [&](const auto& option) {
      return word == option.first || word.starts_with(option.first + "=");
    });
    const bool apart = it != options.end() && word == it->first;
    if (it == options.end() || (apart && i + 1 == words->size())) {
      rest.push_back(word);  // cxxopts says what is wrong
    } else if (apart) {
      overrides.push_back(it->second + (*words)[++i]);
    } else {
      overrides.push_back(it->second + word.substr(it->first.size() + 1));
    }
  }
  *words = std::move(rest);
  return overrides;
}

// The config of the store that the overrides name.
Config NamedStoreConfig(const std::vector<std::string>& overrides) {
  std::string store = TasksOptions().store;
  const std::string key = "tasks.store=";
  for (const std::string& word : overrides) {
    if (word.starts_with(key)) store = word.substr(key.size());
  }
  return StoreConfig(store, overrides);
}

cxxopts::ParseResult Parse(const CommandRow& row, cxxopts::Options* options,
                           const std::vector<const char*>& argv) {
  try {
    return options->parse(int(argv.size()), argv.data());
  } catch (const cxxopts::exceptions::exception& error) {
    throw UsageError(
        fmt::format("{}: {} ('ohmgrad {} --help' lists the options)", row.name,
                    error.what(), row.name));
  }
}

int RunOne(const CommandRow& row, const std::vector<std::string>& words) {
  if (row.run_words != nullptr) {
    row.run_words(words);
    return kOk;
  }
  cxxopts::Options options(std::string("ohmgrad ") + row.name, row.help);
  std::string usage =
      std::string(row.arguments) + " [--set section.key=value]... [--json]";
  options.positional_help("");
  options.add_options()("set", "override a config key; may be repeated",
                        cxxopts::value<std::vector<std::string>>(),
                        "section.key=value")(
      "json", "the last line of stdout is the result as one JSON object")(
      "h,help", "this text")("config", "",
                             cxxopts::value<std::vector<std::string>>());
  for (const ShortOption& option : row.options) {
    const std::string argument = option.argument, key = option.key;
    usage += " [--" + std::string(option.name) + " " + argument + "]";
    options.add_options()(option.name,
                          "short for --set " + key + "=" + argument,
                          cxxopts::value<std::string>(), argument);
  }
  options.custom_help(usage);
  options.parse_positional({"config"});
  std::vector<std::string> rest = words;
  const std::vector<std::string> overrides = TakeOverrides(row, &rest);
  std::vector<const char*> argv{"ohmgrad"};
  for (const std::string& word : rest) argv.push_back(word.c_str());
  const auto parsed = Parse(row, &options, argv);
  if (parsed.count("help") != 0) {
    fmt::print(
        "{}\n{}\n\nconfig keys of its sections (all: 'ohmgrad list keys')\n{}",
        options.help(), row.more, KeyHelp(row.sections));
    return kOk;
  }
  const auto files = parsed.count("config") == 0
                         ? std::vector<std::string>()
                         : parsed["config"].as<std::vector<std::string>>();
  const size_t wanted = row.arguments[0] == '\0' ? 0 : 1;
  if (files.size() != wanted) {
    throw UsageError(fmt::format(
        "{}: expected {}, got {} (options go behind --set; see "
        "'ohmgrad {} --help')",
        row.name,
        wanted == 1 ? fmt::format("one {}", row.arguments) : "no word",
        files.size(), row.name));
  }
  Metrics result;
  if (row.run_task != nullptr) {
    result =
        row.run_task(NamedStoreConfig(overrides), wanted == 1 ? files[0] : "");
  } else {
    result = row.run(LoadConfig(files[0], overrides));
  }
  if (parsed.count("json") != 0) fmt::print("{}\n", ToJson(result));
  return kOk;
}

int Dispatch(const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" ||
      arguments[0] == "help") {
    fmt::print("{}", Overview());
    return arguments.empty() ? kUsage : kOk;
  }
  if (arguments[0] == "--version") {
    fmt::print("{}", VersionText());
    return kOk;
  }
  std::string word = arguments[0];
  std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (word == "bench") return Bench(rest);
  if (word == "list") return List(rest);
  if (BeginsCommands(word)) {
    if (rest.empty() || rest[0] == "--help" || rest[0] == "-h") {
      fmt::print("{}", Overview(word + " "));
      return rest.empty() ? kUsage : kOk;
    }
    word += " " + rest[0];
    rest.erase(rest.begin());
  }
  std::vector<std::string> names{"list", "bench"};
  for (const CommandRow& row : CommandTable()) {
    if (word == row.name) return RunOne(row, rest);
    names.emplace_back(row.name);
  }
  const std::string close = ClosestWord(word, names);
  throw UsageError("no command is called '" + word + "'" +
                   (close.empty() ? "" : "; did you mean '" + close + "'?") +
                   " ('ohmgrad --help' lists them)");
}

}  // namespace

int RunCommandLine(const std::string& program,
                   const std::vector<std::string>& arguments) {
  const auto complain = [&](const std::string& message, int code) {
    std::fflush(stdout);
    fmt::print(stderr, "{}: {}\n", program, message);
    return code;
  };
  try {
    const int code = Dispatch(arguments);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      return complain("what was printed could not be written", kFailure);
    }
    return code;
  } catch (const UsageError& error) {
    return complain(error.what(), kUsage);
  } catch (const cxxopts::exceptions::exception& error) {
    return complain(error.what(), kUsage);
  } catch (const std::bad_alloc&) {
    return complain("out of memory; try a smaller batch", kFailure);
  } catch (const std::exception& error) {
    return complain(error.what(), kFailure);
  }
}

}  // namespace ohm::train
