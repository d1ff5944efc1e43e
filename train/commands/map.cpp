#include <fmt/format.h>

#include "core/base/table.h"
#include "datasets/table.h"
#include "hw/slicing.h"
#include "nn/crossbar_policy.h"
#include "train/commands/command.h"
#include "train/experiment.h"
#include "train/table_print.h"

namespace ohm::train {
namespace {

using Align = TableColumn::Align;

double Utilisation(const hw::MappingReport& r) {
  return double(r.used_cells) / double(r.cells);
}

std::vector<std::string> Cells(const std::string& name,
                               const std::string& matrix,
                               const std::string& row_tiles,
                               const hw::MappingReport& r) {
  return {name,
          matrix,
          row_tiles,
          std::to_string(r.arrays),
          std::to_string(r.pes),
          std::to_string(r.logical_columns),
          std::to_string(r.cells),
          std::to_string(r.used_cells),
          FormatPercent(Utilisation(r))};
}

Metrics Numbers(const hw::MappingReport& r) {
  return {{"arrays", r.arrays},
          {"pes", r.pes},
          {"logical_columns", r.logical_columns},
          {"cells", r.cells},
          {"used_cells", r.used_cells},
          {"utilisation", Utilisation(r)}};
}

Metrics LayerNumbers(const std::string& path, const hw::MappingReport& r) {
  Metrics numbers = {{"layer", path},
                     {"fan_in", r.fan_in},
                     {"outputs", r.outputs},
                     {"row_tiles", r.row_tiles}};
  const Metrics all = Numbers(r);
  numbers.insert(numbers.end(), all.begin(), all.end());
  return numbers;
}

void Add(const hw::MappingReport& r, hw::MappingReport* total) {
  total->arrays += r.arrays;
  total->pes += r.pes;
  total->logical_columns += r.logical_columns;
  total->cells += r.cells;
  total->used_cells += r.used_cells;
}

std::string Title(const Config& config) {
  const hw::CrossbarSpec& hw = config.hw;
  const auto slices = hw::SlicingOf(hw).cell_slices();
  const bool pairs = hw.encoding == hw::Encoding::kDifferential;
  return fmt::format(
      "{} on arrays of {} x {} cells; a weight takes {} cell{} ({} slice{}, "
      "{}); "
      "a PE holds {} array{}",
      config.model.name, hw.rows, hw.columns, slices * (pairs ? 2 : 1),
      slices == 1 && !pairs ? "" : "s", slices, slices == 1 ? "" : "s",
      pairs ? "differential pairs" : "offset column", hw.pe_arrays,
      hw.pe_arrays == 1 ? "" : "s");
}

// Of the config or of its data set; 0: neither says without data.
int KnownClasses(const Config& config) {
  if (config.model.classes > 0) return int(config.model.classes);
  return FindRow(datasets::Table(), config.data.set, "data set:").classes;
}

}  // namespace

Metrics RunMap(const Config& config) {
  if (!config.on_crossbar()) {
    ThrowAtKey(config, "hw.preset", "expected a preset to map onto, got none");
  }
  // A mapping is geometry: it needs neither data nor weights.
  Config geometry = config;
  geometry.model.weights.clear();
  const int classes = KnownClasses(config);
  constexpr int kUnknownClasses = 10;
  const auto model =
      BuildModel(geometry, classes > 0 ? classes : kUnknownClasses);
  TextTable table({{"layer", "", Align::kLeft},
                   {"fan-in x outputs", ""},
                   {"row tiles", ""},
                   {"arrays", ""},
                   {"PEs", ""},
                   {"logical columns", ""},
                   {"cells", ""},
                   {"used cells", ""},
                   {"utilisation", "%"}});
  hw::MappingReport total;
  std::vector<Metrics> layers;
  for (const auto& leaf : nn::CrossbarLeaves(model.get())) {
    const hw::MappingReport r = leaf.Report();
    table.AddRow(Cells(leaf.path, fmt::format("{} x {}", r.fan_in, r.outputs),
                       std::to_string(r.row_tiles), r));
    layers.push_back(LayerNumbers(leaf.path, r));
    Add(r, &total);
  }
  table.AddRule();
  table.AddRow(Cells("total", "", "", total));
  fmt::print("{}\n\n{}", Title(config), table.str());
  if (classes == 0) {
    fmt::print(
        "data set '{}' says its classes only when it is read; {} are assumed "
        "(model.classes)\n",
        config.data.set, kUnknownClasses);
  }
  Metrics result = {{"command", std::string("map")}};
  const Metrics all = Numbers(total);
  result.insert(result.end(), all.begin(), all.end());
  result.emplace_back("layers", ToJsonList(layers));
  return result;
}

}  // namespace ohm::train
