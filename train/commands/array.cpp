// `ohmgrad array`: arrays with wires, solved on their own.
#include <fmt/format.h>

#include <cxxopts.hpp>
#include <nlohmann/json.hpp>

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/parallel.h"
#include "hw/wires/approximate.h"
#include "hw/wires/netlist.h"
#include "train/commands/array_file.h"
#include "train/commands/command.h"

namespace ohm::train {
namespace {

using Json = nlohmann::ordered_json;

Json Solve(const ArrayCase& given, hw::WireModel model) {
  const auto columns = size_t(given.array.columns);
  const std::vector<double> effective =
      hw::EffectiveBy(model, given.array, given.wires);
  std::vector<double> currents(columns, 0.0);
  Json rows = Json::array();
  for (size_t i = 0; i < given.volts.size(); ++i) {
    const auto row = effective.begin() + int64_t(i * columns);
    rows.push_back(std::vector<double>(row, row + int64_t(columns)));
    for (size_t j = 0; j < columns; ++j) {
      currents[j] += given.volts[i] * row[int64_t(j)];
    }
  }
  return {{"currents_ampere", currents}, {"effective_siemens", rows}};
}

std::string Help(const cxxopts::Options& options) {
  std::string models;
  for (const hw::WireModelRow& row : hw::WireModelTable()) {
    models += fmt::format("  {:<12} {}\n", row.name, row.doc);
  }
  return fmt::format(
      "{}\nSolves crossbar arrays with the resistance of their wires and "
      "prints one JSON\nobject: for each case the currents of its outputs and "
      "its effective conductances\n(current j = sum over i of voltage i * "
      "conductance ij), in full precision.\n\n{}\nmodels\n{}",
      options.help(), ArrayFileHelp(), models);
}

// The case that --netlist asks for.
const ArrayCase& Chosen(const std::vector<ArrayCase>& cases, int index) {
  if (index < 0 || index >= int(cases.size())) {
    throw UsageError(fmt::format("array: expected --case in 0..{}, got {}",
                                 cases.size() - 1, index));
  }
  return cases[size_t(index)];
}

void PrintSolutions(const std::vector<ArrayCase>& cases, hw::WireModel model) {
  std::vector<Json> solved(cases.size());
  ParallelFor(int64_t(cases.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      solved[size_t(c)] = Solve(cases[size_t(c)], model);
    }
  });
  fmt::print("{}\n", Json{{"cases", solved}}.dump());
}

cxxopts::ParseResult Parse(cxxopts::Options* options,
                           const std::vector<const char*>& argv) {
  try {
    return options->parse(int(argv.size()), argv.data());
  } catch (const cxxopts::exceptions::exception& error) {
    throw UsageError(fmt::format(
        "array: {} ('ohmgrad array --help' lists the options)", error.what()));
  }
}

}  // namespace

void RunArray(const std::vector<std::string>& words) {
  cxxopts::Options options("ohmgrad array", "arrays with wires, solved");
  options.custom_help("FILE.json [--netlist FILE [--case N]] [--model NAME]");
  options.positional_help("");
  options.add_options()("netlist", "write a case as a SPICE netlist as well",
                        cxxopts::value<std::string>(), "FILE")(
      "case", "which case the netlist is of, from 0 on",
      cxxopts::value<int>()->default_value("0"),
      "N")("model", "how wires are computed",
           cxxopts::value<std::string>()->default_value("exact"),
           "NAME")("h,help", "this text")(
      "file", "", cxxopts::value<std::vector<std::string>>());
  options.parse_positional({"file"});
  std::vector<const char*> argv{"ohmgrad"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  const auto parsed = Parse(&options, argv);
  if (parsed.count("help") != 0) {
    fmt::print("{}", Help(options));
    return;
  }
  if (parsed.count("file") != 1) {
    throw UsageError(fmt::format(
        "array: expected one FILE.json, got {} (see 'ohmgrad array --help')",
        parsed.count("file")));
  }
  if (parsed.count("case") != 0 && parsed.count("netlist") == 0) {
    throw UsageError(
        "array: expected --netlist FILE with --case, which says what case to "
        "write there; got none");
  }
  const auto model = hw::WireModelOf(parsed["model"].as<std::string>());
  const std::vector<ArrayCase> cases =
      ReadArrayFile(parsed["file"].as<std::vector<std::string>>()[0]);
  const ArrayCase& chosen = Chosen(cases, parsed["case"].as<int>());
  if (parsed.count("netlist") != 0) {
    WriteFileAtomically(
        parsed["netlist"].as<std::string>(),
        hw::SpiceNetlist(chosen.array, chosen.wires, chosen.volts));
  }
  PrintSolutions(cases, model);
}

}  // namespace ohm::train
