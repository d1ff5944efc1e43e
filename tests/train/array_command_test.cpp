// `ohmgrad array` as a person runs it, and the golden currents of published
// nodal analysis in tests/hw/data/irdrop.json.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/base/check.h"
#include "core/base/file.h"
#include "tests/hw/nodal.h"
#include "tests/train/scratch_folder.h"
#include "train/commands/array_file.h"

namespace ohm::test {
namespace {

using Json = nlohmann::json;
using train::ScratchFolder;

const std::string kGolden = OHM_SOURCE_DIR "/tests/hw/data/irdrop.json";

struct Outcome {
  int code;
  std::string out, err;
};

Outcome RunArray(const std::string& words) {
  const ScratchFolder scratch;
  const std::string out = (scratch.path() / "out").string();
  const std::string err = (scratch.path() / "err").string();
  const int status =
      std::system((OHM_BINARY_DIR "/train/ohmgrad array " + words + " >" + out +
                   " 2>" + err + " </dev/null")
                      .c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadFile(out),
          ReadFile(err)};
}

TEST_CASE("wires: ohmgrad array finds the golden currents") {
  const ScratchFolder scratch;
  const auto netlist = scratch.path() / "case.cir";
  const Outcome outcome =
      RunArray(kGolden + " --netlist " + netlist.string() + " --case 1");
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  const Json golden = Json::parse(ReadFile(kGolden))["cases"];
  const Json cases = Json::parse(outcome.out)["cases"];
  REQUIRE(cases.size() == golden.size());
  for (size_t c = 0; c < cases.size(); ++c) {
    CAPTURE(c);
    const auto currents =
        cases[c]["currents_ampere"].get<std::vector<double>>();
    CHECK(WorstError(golden[c]["I_exact"].get<std::vector<double>>(),
                     currents) <= 1e-12);
    std::vector<double> effective;
    for (const auto& row : cases[c]["effective_siemens"]) {
      for (const auto& entry : row) effective.push_back(entry.get<double>());
    }
    CHECK(WorstError(Currents(effective,
                              golden[c]["V_volt"].get<std::vector<double>>()),
                     currents) == 0);
  }
  CHECK(ReadFile(netlist).starts_with("* crossbar array of 2 x 3 cells\n"));
}

TEST_CASE("wires: ohmgrad array explains itself and what is wrong") {
  const Outcome help = RunArray("--help");
  CHECK(help.code == 0);
  for (const char* word :
       {"rows_inputs", "G_siemens", "alpha_beta", "--case"}) {
    CHECK(help.out.find(word) != std::string::npos);
  }
  for (const std::string& words :
       {std::string(), kGolden + " " + kGolden, kGolden + " --bogus",
        kGolden + " --case 0", kGolden + " --netlist /tmp/none.cir --case 9"}) {
    INFO(words);
    const Outcome outcome = RunArray(words);
    CHECK(outcome.code == 2);
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
  }
  const Outcome model = RunArray(kGolden + " --model spice");
  CHECK(model.code == 2);
  CHECK(model.err.find("alpha_beta") != std::string::npos);
  CHECK(RunArray("/no/such/file.json").code == 1);
}

// The case of the help's example with one key changed.
std::string Changed(const std::string& key, const Json& value) {
  Json one = {{"rows_inputs", 2},
              {"cols_outputs", 1},
              {"r_wl", 1},
              {"r_bl", 1},
              {"r_source", 0},
              {"r_load", 50},
              {"G_siemens", {{1e-4}, {3e-4}}},
              {"V_volt", {0.2, -0.1}}};
  one[key] = value;
  if (value.is_discarded()) one.erase(key);
  return Json{{"cases", Json::array({one})}}.dump();
}

std::string ErrorOf(const std::string& text) {
  const ScratchFolder scratch;
  const auto file = scratch.path() / "f.json";
  WriteFileAtomically(file, text);
  try {
    train::ReadArrayFile(file);
  } catch (const Error& error) {
    const std::string message = error.what();
    CHECK(message.starts_with(file.string()));
    return message.substr(file.string().size());
  }
  return "no error";
}

TEST_CASE("wires: each mistake in an array file is named with its place") {
  CHECK(ErrorOf(Changed("about", "x")) == "no error");
  CHECK(ErrorOf("{\"cases\": [") ==
        ": expected JSON, got something else at byte 12");
  CHECK(ErrorOf("{\"cases\": 1e999}") ==
        ": expected numbers that a double can hold");
  CHECK(ErrorOf("[]") == ": expected an object, got a list of 0");
  CHECK(ErrorOf("{}") == ": expected the key 'cases', got none");
  CHECK(ErrorOf("{\"cases\": []}") ==
        ": cases: expected a list of cases, got a list of 0");
  CHECK(ErrorOf("{\"cases\": [3]}") == ": cases[0]: expected an object, got 3");
  const Json missing(Json::value_t::discarded);
  CHECK(ErrorOf(Changed("r_bl", missing)) ==
        ": cases[0]: expected the key 'r_bl', got none");
  CHECK(ErrorOf(Changed("rows_inputs", 1.5)) ==
        ": cases[0].rows_inputs: expected a whole number in 1..16384, got 1.5");
  CHECK(ErrorOf(Changed("cols_outputs", 0)) ==
        ": cases[0].cols_outputs: expected a whole number in 1..16384, got 0");
  CHECK(ErrorOf(Changed("r_wl", "one")) ==
        ": cases[0].r_wl: expected a number of at least 0 ohm, got \"one\"");
  CHECK(ErrorOf(Changed("r_load", -2)) ==
        ": cases[0].r_load: expected a number of at least 0 ohm, got -2");
  CHECK(ErrorOf(Changed("G_siemens", {{1e-4}})) ==
        ": cases[0].G_siemens: expected a list of 2 rows (rows_inputs), got a "
        "list of 1");
  CHECK(ErrorOf(Changed("G_siemens", {{1e-4}, {1, 2}})) ==
        ": cases[0].G_siemens[1]: expected a list of 1 conductances "
        "(cols_outputs), got a list of 2");
  CHECK(ErrorOf(Changed("G_siemens", {{1e-4}, {nullptr}})) ==
        ": cases[0].G_siemens[1][0]: expected a number of at least 0 siemens, "
        "got null");
  CHECK(
      ErrorOf(Changed("V_volt", {{"a", 1}})) ==
      ": cases[0].V_volt: expected a list of 2 voltages (rows_inputs), got an "
      "object");
}

}  // namespace
}  // namespace ohm::test
