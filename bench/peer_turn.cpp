#include "bench/peer_turn.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "bench/bench.h"
#include "bench/child.h"
#include "core/base/check.h"

namespace ohm::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScript = "bench/peers/pytorch_step.py";

// The checkout: the first folder with the script, going up from this program
// (which is built inside) and then from the working folder.
fs::path FindRoot(const fs::path& program) {
  for (const fs::path& start : {program.parent_path(), fs::current_path()}) {
    for (fs::path at = start;; at = at.parent_path()) {
      if (fs::exists(at / kScript)) return at;
      if (at == at.parent_path()) break;
    }
  }
  return fs::current_path();
}

// Another Python before Debian's in PATH does not see Debian's packages.
std::string FindPython(const std::string& chosen) {
  const std::vector<std::string> candidates =
      chosen.empty() ? std::vector<std::string>{"python3", "/usr/bin/python3"}
                     : std::vector<std::string>{chosen};
  std::string tried;
  for (const std::string& python : candidates) {
    // Finds it without the seconds that importing it takes.
    const char* look =
        "import importlib.util, sys; "
        "sys.exit(importlib.util.find_spec('torch') is None)";
    if (RunChild({python, "-c", look}).code == 0) return python;
    tried += (tried.empty() ? "" : ", ") + python;
  }
  ThrowError(
      fmt::format("peers: expected a Python with PyTorch (Debian's package is "
                  "python3-torch; --python names another), got none from {}",
                  tried));
}

Turn ReadTurn(const std::string& who, const ChildResult& child) {
  const std::string line = LastLine(child.output);
  OHM_CHECK(child.code == 0,
            fmt::format("{} ended with code {}: {}", who, child.code, line));
  const auto json =
      nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  const auto number = [&](const char* key) {
    OHM_CHECK(
        json.is_object() && json.contains(key) && json[key].is_number(),
        fmt::format("{}: expected JSON with a number '{}' as last line, got "
                    "'{}'",
                    who, key, line));
    return json[key].get<double>();
  };
  return {number("median_ms"), number("min_ms"), number("p90_ms"),
          number("peak_mib"), number("parameters")};
}

}  // namespace

PeerPrograms PeerPrograms::Find(const BenchOptions& options) {
  const fs::path ours = fs::read_symlink("/proc/self/exe");
  const fs::path root = FindRoot(ours);
  const fs::path script = options.peer_script.empty()
                              ? root / kScript
                              : fs::path(options.peer_script);
  OHM_CHECK(fs::exists(script),
            fmt::format("peers: cannot find '{}'; --peer-script says where "
                        "it is",
                        script.string()));
  return {ours.string(), FindPython(options.python), script.string(),
          root.string()};
}

Turn RunOurs(const PeerPrograms& programs, const std::string& config,
             const std::vector<std::string>& overrides, double seconds) {
  std::vector<std::string> words = {programs.ours, "step",
                                    config,        "--json",
                                    "--seconds",   std::to_string(seconds)};
  for (const std::string& text : overrides) {
    words.emplace_back("--set");
    words.push_back(text);
  }
  return ReadTurn("ohmgrad-bench step", RunChild(words));
}

Turn RunPeer(const PeerPrograms& programs, const train::Config& config,
             const PeerSide& side, double seconds) {
  const train::TrainOptions& train = config.train;
  const train::OptimizerOptions& sgd = train.optimizer_options;
  std::vector<std::string> words = {programs.python, programs.script, "--json"};
  const auto add = [&](const char* option, const std::string& value) {
    words.emplace_back(option);
    words.push_back(value);
  };
  add("--model", config.model.name);
  add("--batch", std::to_string(train.batch));
  add("--threads", std::to_string(train.threads));
  add("--dtype", side.dtype);
  add("--layout", side.layout);
  add("--momentum", fmt::format("{}", sgd.momentum));
  add("--weight-decay", fmt::format("{}", train.weight_decay));
  add("--label-smoothing", fmt::format("{}", train.label_smoothing));
  add("--seconds", std::to_string(seconds));
  if (sgd.nesterov) words.emplace_back("--nesterov");
  return ReadTurn(fs::path(programs.script).filename().string(),
                  RunChild(words));
}

}  // namespace ohm::bench
