#include "train/commands/array_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/base/check.h"
#include "core/base/file.h"

namespace ohm::train {
namespace {

using Json = nlohmann::json;

// A value of the file and how to get there: "cases[0].r_wl", or nothing.
struct Place {
  const Json& value;
  std::string file, path;

  std::string Name() const {
    return path.empty() ? file : fmt::format("{}: {}", file, path);
  }

  [[noreturn]] void Expected(const std::string& what) const {
    std::string got = value.type_name();
    if (value.is_primitive()) got = value.dump();
    if (value.is_array()) got = fmt::format("a list of {}", value.size());
    if (value.is_object()) got = "an object";
    ThrowError(fmt::format("{}: expected {}, got {}", Name(), what, got));
  }

  Place Key(const char* key) const {
    if (!value.is_object()) Expected("an object");
    if (!value.contains(key)) {
      ThrowError(
          fmt::format("{}: expected the key '{}', got none", Name(), key));
    }
    return {value[key], file, path + (path.empty() ? "" : ".") + key};
  }

  // Entries of a list; size < 0: any number, but not none.
  std::vector<Place> List(int64_t size, const std::string& of) const {
    if (!value.is_array() || value.empty() ||
        (size >= 0 && int64_t(value.size()) != size)) {
      Expected(size < 0 ? fmt::format("a list of {}", of)
                        : fmt::format("a list of {} {}", size, of));
    }
    std::vector<Place> places;
    for (size_t i = 0; i < value.size(); ++i) {
      places.push_back({value[i], file, fmt::format("{}[{}]", path, i)});
    }
    return places;
  }

  int64_t Count() const {
    constexpr int64_t kMost = 1 << 14;
    if (!value.is_number_integer() || value < 1 || value > kMost) {
      Expected(fmt::format("a whole number in 1..{}", kMost));
    }
    return value.get<int64_t>();
  }

  double Number() const {
    if (!value.is_number()) Expected("a number");
    return value.get<double>();
  }

  double Passive(const char* unit) const {
    if (!value.is_number() || value.get<double>() < 0) {
      Expected(fmt::format("a number of at least 0 {}", unit));
    }
    return value.get<double>();
  }
};

ArrayCase ReadCase(const Place& place) {
  ArrayCase result;
  hw::CellMatrix& array = result.array;
  array.rows = place.Key("rows_inputs").Count();
  array.columns = place.Key("cols_outputs").Count();
  // One more segment at each driven end than hw::Wires counts.
  result.wires.r_row = place.Key("r_wl").Passive("ohm");
  result.wires.r_column = place.Key("r_bl").Passive("ohm");
  result.wires.r_source =
      place.Key("r_source").Passive("ohm") + result.wires.r_row;
  result.wires.r_load =
      place.Key("r_load").Passive("ohm") + result.wires.r_column;
  const Place cells = place.Key("G_siemens");
  for (const Place& row : cells.List(array.rows, "rows (rows_inputs)")) {
    for (const Place& cell :
         row.List(array.columns, "conductances (cols_outputs)")) {
      array.siemens.push_back(cell.Passive("siemens"));
    }
  }
  const Place volts = place.Key("V_volt");
  for (const Place& volt : volts.List(array.rows, "voltages (rows_inputs)")) {
    result.volts.push_back(volt.Number());
  }
  return result;
}

Json Parse(const std::filesystem::path& path) {
  const std::string text = ReadFile(path);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    ThrowError(fmt::format("{}: expected JSON, got something else at byte {}",
                           path.string(), error.byte));
  } catch (const Json::exception&) {  // 1e999
    ThrowError(fmt::format("{}: expected numbers that a double can hold",
                           path.string()));
  }
}

}  // namespace

const char* ArrayFileHelp() {
  return R"(FILE.json is an object with the key "cases", a list of arrays:

  rows_inputs   word lines M: inputs
  cols_outputs  bit lines N: outputs
  r_wl          ohm of a word-line segment
  r_bl          ohm of a bit-line segment
  r_source      ohm of an input's driver
  r_load        ohm of an output's sense amplifier
  G_siemens     conductances of the cells, M lists of N numbers
  V_volt        voltages of the inputs, M numbers

Word line i is driven at its left end, beside column 0; bit line j is sensed
below the last row, whose sense amplifier is an ideal ground behind r_load.
Between driver and first cell lie r_source + r_wl, between neighbouring cells
r_wl or r_bl, between last cell and ground r_bl + r_load. A resistance of 0 is an
ideal conductor. Other keys are not read. An example:

  {"cases": [{"rows_inputs": 2, "cols_outputs": 1, "r_wl": 1, "r_bl": 1,
    "r_source": 0, "r_load": 50, "G_siemens": [[1e-4], [3e-4]],
    "V_volt": [0.2, -0.1]}]}
)";
}

std::vector<ArrayCase> ReadArrayFile(const std::filesystem::path& path) {
  const Json json = Parse(path);
  const Place file{json, path.string(), ""};
  std::vector<ArrayCase> cases;
  for (const Place& place : file.Key("cases").List(-1, "cases")) {
    cases.push_back(ReadCase(place));
  }
  return cases;
}

}  // namespace ohm::train
