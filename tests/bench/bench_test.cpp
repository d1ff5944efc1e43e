// The benchmarks' command line, with the smallest of everything: what they
// print, not how fast they are.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/base/file.h"
#include "tests/train/scratch_folder.h"

namespace ohm::test {
namespace {

using train::Contains;
using train::ScratchFolder;
using Json = nlohmann::json;

struct Outcome {
  int code;
  std::string out, err;
};

Outcome Bench(const std::string& words) {
  const ScratchFolder scratch;
  const std::string out = (scratch / "out").string();
  const std::string err = (scratch / "err").string();
  const int status =
      std::system((OHM_BINARY_DIR "/train/ohmgrad-bench " + words + " >" + out +
                   " 2>" + err + " </dev/null")
                      .c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadFile(out),
          ReadFile(err)};
}

bool IsOneSentence(const std::string& err) {
  return std::count(err.begin(), err.end(), '\n') == 1;
}

// Each line as JSON, with the fields that every case has.
std::vector<Json> Cases(const Outcome& outcome) {
  INFO("stderr: ", outcome.err);
  CHECK(outcome.code == 0);
  std::vector<Json> cases;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    INFO("line: ", line);
    cases.push_back(Json::parse(line));
    CHECK(cases.back().at("name").is_string());
    for (const char* field :
         {"median_ms", "min_ms", "p90_ms", "per_second", "threads"}) {
      CHECK(cases.back().at(field).get<double>() > 0);
    }
  }
  return cases;
}

// A small digital network on few images, by one thread.
const std::string kSmall =
    " " OHM_SOURCE_DIR
    "/configs/demo.toml --json --seconds 0.01 --set hw.preset= "
    "--set model.width=2 --set train.threads=1 --set train.batch=4 "
    "--set data.train_count=18 --set data.test_count=10 ";

TEST_CASE("bench step reports the step that was asked for") {
  const auto cases = Cases(Bench("step" + kSmall));
  REQUIRE(cases.size() == 1);
  CHECK(cases[0].at("model") == "resnet8");
  CHECK(cases[0].at("dtype") == "f32");
  CHECK(cases[0].at("batch") == 4);
  CHECK(cases[0].at("threads") == 1);
  CHECK(cases[0].at("peak_mib").get<double>() > 1);
  CHECK(cases[0].at("spread_percent").get<double>() >= 0);
}

TEST_CASE("bench data and bench pipeline take the config's own data") {
  auto cases = Cases(Bench("data" + kSmall));
  REQUIRE(cases.size() == 1);
  CHECK(cases[0].at("set") == "shapes");
  CHECK(cases[0].at("workers") == 2);

  cases = Cases(Bench("pipeline" + kSmall));
  REQUIRE(cases.size() == 2);
  CHECK(cases[1].at("ratio").get<double>() > 0);

  const Outcome none = Bench("data" + kSmall + "--set train.batch=19");
  CHECK(none.code == 1);
  CHECK(Contains(none.err, "at most the 18 training images"));
}

TEST_CASE("bench kernels holds each kernel against a positive roofline") {
  const auto cases = Cases(
      Bench("kernels 'conv resnet20 64' --threads 1 --seconds 0.01 --json"));
  REQUIRE(cases.size() >= 5);
  int roofs = 0, kernels = 0;
  for (const Json& one : cases) {
    if (one.at("name").get<std::string>().starts_with("roofline")) {
      CHECK(kernels == 0);  // first
      CHECK(one.at("best_per_second").get<double>() > 0);
      ++roofs;
    } else {
      CHECK(one.at("roofline_percent").get<double>() > 0);
      CHECK(one.at("unit") == "GFLOP/s");
      ++kernels;
    }
  }
  CHECK(roofs >= 2);
  CHECK(kernels >= 3);
}

TEST_CASE("bench wires gives each case as a share of the fp64 peak") {
  const auto cases =
      Cases(Bench("wires '32 x 32' --threads 1 --seconds 0.01 --json"));
  REQUIRE(cases.size() == 3);
  for (const Json& one : cases) {
    CHECK(one.at("fp64_peak_percent").get<double>() > 0);
    CHECK(one.at("unit") == "GFLOP/s");
  }
}

TEST_CASE("wrong words say what there is") {
  Outcome outcome = Bench("kernel");
  CHECK(outcome.code == 2);
  CHECK(IsOneSentence(outcome.err));
  for (const char* name : {"step", "kernels", "data", "pipeline", "peers"}) {
    CHECK(Contains(outcome.err, name));
    CHECK(Contains(Bench("--help").out, name));
  }
  outcome = Bench("kernels --match nothing");
  CHECK(outcome.code == 2);
  CHECK(IsOneSentence(outcome.err));
  CHECK(Contains(outcome.err, "matmul 512"));
  outcome = Bench("peers nothing");
  CHECK(outcome.code == 2);
  CHECK(Contains(outcome.err, "resnet20 f32 vs pytorch f32 default"));
  outcome = Bench("step" + kSmall + "--match all");
  CHECK(outcome.code == 2);
  CHECK(Contains(
      outcome.err,
      "--match only with kernels, crossbar, chip, tasks, wires, peers"));
  CHECK(Bench("step").code == 2);
}

TEST_CASE("peers without PyTorch end with one sentence") {
  const Outcome outcome = Bench("peers --python /bin/false");
  CHECK(outcome.code == 1);
  CHECK(outcome.out.empty());
  CHECK(IsOneSentence(outcome.err));
  CHECK(Contains(outcome.err, "python3-torch"));
}

// Says that it has torch, and answers for any step with what is written here.
std::filesystem::path FakePython(const ScratchFolder& scratch,
                                 const std::string& answer) {
  const auto path =
      scratch.Write("python", "#!/bin/sh\n[ \"$1\" = -c ] && exit 0\necho '" +
                                  answer + "'\n");
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

const std::string kPeers =
    "peers 'resnet20 f32 vs pytorch f32 default' --json --rounds 2 "
    "--seconds 0.01 --set train.batch=1 --set train.threads=1 --python ";

TEST_CASE("peers reports each pair with its ratios") {
  const ScratchFolder scratch;
  const auto python = FakePython(
      scratch,
      R"({"median_ms": 10, "min_ms": 9, "p90_ms": 11, "peak_mib": 100, )"
      R"("parameters": 269722})");
  const auto cases = Cases(Bench(kPeers + python.string()));
  REQUIRE(cases.size() == 1);
  CHECK(cases[0].at("ratios").size() == 2);
  CHECK(cases[0].at("batch") == 1);
  CHECK(cases[0].at("peak_mib").get<double>() > 1);
  CHECK(cases[0].at("peer_peak_mib") == 100);
  CHECK(cases[0].at("fastest_peer") == true);
  CHECK(cases[0].at("ratio").get<double>() > 0);
}

TEST_CASE("peers change only what both sides are told") {
  const Outcome outcome = Bench("peers --set train.dtype=bf16");
  CHECK(outcome.code == 2);
  CHECK(IsOneSentence(outcome.err));
  CHECK(Contains(outcome.err, "got train.dtype"));
}

TEST_CASE("peers that run another network are no peers") {
  const ScratchFolder scratch;
  const auto python = FakePython(
      scratch,
      R"({"median_ms": 10, "min_ms": 9, "p90_ms": 11, "peak_mib": 100, )"
      R"("parameters": 1})");
  Outcome outcome = Bench(kPeers + python.string());
  CHECK(outcome.code == 1);
  CHECK(IsOneSentence(outcome.err));
  CHECK(Contains(outcome.err, "269722 parameters here and 1 there"));

  outcome = Bench("peers --peer-script " + (scratch / "nowhere.py").string());
  CHECK(outcome.code == 1);
  CHECK(Contains(outcome.err, "nowhere.py"));
}

}  // namespace
}  // namespace ohm::test
