#include <fmt/format.h>

#include "nn/crossbar_policy.h"
#include "train/commands/command.h"
#include "train/experiment.h"
#include "train/table_print.h"

namespace ohm::train {
namespace {

using Align = TableColumn::Align;

std::vector<std::string> Cells(const std::string& name,
                               const hw::MappingReport& r) {
  return {name,
          fmt::format("{} x {}", r.fan_in, r.outputs),
          std::to_string(r.row_tiles),
          std::to_string(r.arrays),
          std::to_string(r.logical_columns),
          std::to_string(r.used_cells),
          FormatPercent(double(r.used_cells) / double(r.cells))};
}

}  // namespace

Metrics RunMap(const Config& config) {
  if (!config.on_crossbar()) {
    ThrowAtKey(config, "hw.preset", "expected a preset to map onto, got none");
  }
  // A mapping is geometry: it needs neither data nor weights.
  Config geometry = config;
  geometry.model.weights.clear();
  constexpr int kUnknownClasses = 10;
  const auto model = BuildModel(geometry, kUnknownClasses);
  TextTable table({{"layer", "", Align::kLeft},
                   {"fan-in x outputs", ""},
                   {"row tiles", ""},
                   {"arrays", ""},
                   {"logical columns", ""},
                   {"used cells", ""},
                   {"utilisation", "%"}});
  hw::MappingReport total;
  for (const auto& leaf : nn::CrossbarLeaves(model.get())) {
    const hw::MappingReport report = leaf.Report();
    table.AddRow(Cells(leaf.path, report));
    total.arrays += report.arrays;
    total.cells += report.cells;
    total.used_cells += report.used_cells;
    total.logical_columns += report.logical_columns;
  }
  table.AddRule();
  table.AddRow({"total", "", "", std::to_string(total.arrays),
                std::to_string(total.logical_columns),
                std::to_string(total.used_cells),
                FormatPercent(double(total.used_cells) / double(total.cells))});
  fmt::print(
      "{} on arrays of {} x {} cells, two cells (a differential pair) "
      "per weight\n\n{}",
      config.model.name, config.hw.rows, config.hw.columns, table.str());
  return {{"command", std::string("map")},
          {"arrays", total.arrays},
          {"cells", total.cells},
          {"used_cells", total.used_cells},
          {"logical_columns", total.logical_columns}};
}

}  // namespace ohm::train
