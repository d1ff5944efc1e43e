#include "train/compare/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/spread.h"
#include "train/table_print.h"

namespace ohm::train {
namespace {

std::string MeanAndDeviation(const std::vector<double>& shares) {
  if (shares.empty()) return "";
  const Spread spread = SpreadOf(shares);
  std::string text = FormatPercent(spread.mean);
  if (std::isfinite(spread.deviation)) {
    text += " ± " + FormatPercent(spread.deviation);
  }
  return text;
}

// Mean and deviation over the seeds that did not fail, and how many did.
std::string TestsText(const std::vector<CompareResult>& results) {
  std::vector<double> tests;
  for (const CompareResult& r : results) {
    if (!r.failed) tests.push_back(r.test);
  }
  const size_t failed = results.size() - tests.size();
  std::string text = MeanAndDeviation(tests);
  if (failed > 0) {
    text += fmt::format("{}{} failed", text.empty() ? "" : ", ", failed);
  }
  return text;
}

// Per seed the mean over sets, of the seeds that failed on none.
std::vector<double> MeansOverSets(const RowResults& row) {
  const size_t seeds = row.of_set.empty() ? 0 : row.of_set[0].size();
  std::vector<double> means;
  for (size_t s = 0; s < seeds; ++s) {
    double sum = 0;
    bool whole = true;
    for (const auto& set : row.of_set) {
      sum += set[s].test;
      whole = whole && !set[s].failed;
    }
    if (whole) means.push_back(sum / double(row.of_set.size()));
  }
  return means;
}

// The mean of what `of` takes from each result; NaN without any.
template <typename F>
double Mean(const RowResults& row, F&& of) {
  double sum = 0;
  int64_t count = 0;
  for (const auto& set : row.of_set) {
    for (const CompareResult& r : set) {
      if (r.failed) continue;
      sum += double(of(r));
      ++count;
    }
  }
  return count == 0 ? std::nan("") : sum / double(count);
}

int64_t MeanBytes(const RowResults& row, const std::string& kind) {
  return std::llround(Mean(
      row, [&](const CompareResult& r) { return r.size.Term(kind).bytes(); }));
}

double MaskBytes(const RowResults& row) {
  return Mean(row, [](const CompareResult& r) { return r.size.mask_bytes(); });
}

double CellsWritten(const RowResults& row) {
  return Mean(row, [](const CompareResult& r) { return r.writes.cells; });
}

// The mean over sets and seeds of the row so called; NaN where there is none.
double MeanOf(const std::string& label, const std::vector<RowResults>& rows) {
  for (const RowResults& row : rows) {
    const auto means = MeansOverSets(row);
    if (row.label == label && !means.empty()) return SpreadOf(means).mean;
  }
  return std::nan("");
}

// Share of the column mask's entries.
double ColumnsOff(const CompareResult& r) {
  const auto entries = double(r.size.Term("columns").entries);
  return entries == 0 ? 0.0 : double(r.size.columns_off) / entries;
}

bool Empty(const RowResults& row) { return std::isnan(CellsWritten(row)); }

// "4400 x 3"; of kinds with other than one number of entries, the mean.
std::string BitsText(const RowResults& row, const std::string& kind) {
  const double entries = Mean(
      row, [&](const CompareResult& r) { return r.size.Term(kind).entries; });
  const double each = Mean(
      row, [&](const CompareResult& r) { return r.size.Term(kind).bits_each; });
  return entries == 0 ? "" : fmt::format("{:.0f} x {:.0f}", entries, each);
}

// Budgets of one method are one series.
std::string SeriesOf(const std::string& label) {
  std::string name;
  size_t begin = 0;
  while (begin < label.size()) {
    const size_t end = std::min(label.find(' ', begin), label.size());
    const std::string word = label.substr(begin, end - begin);
    if (!word.starts_with("tasks.budget=")) {
      name += (name.empty() ? "" : " ") + word;
    }
    begin = end + 1;
  }
  return name;
}

template <typename F>
Plot Scatter(const std::vector<RowResults>& rows, const PlotAxis& x, F&& of) {
  Plot plot;
  plot.x = x;
  plot.y.title = "mean top-1 of the new tasks [%]";
  for (const RowResults& row : rows) {
    const auto means = MeansOverSets(row);
    const double at = means.empty() ? std::nan("") : of(row);
    if (!(at > 0)) continue;  // a logarithmic axis has no place for 0
    const std::string name = SeriesOf(row.label);
    auto series = std::ranges::find(plot.series, name, &PlotSeries::name);
    if (series == plot.series.end()) {
      plot.series.push_back({.name = name});
      series = plot.series.end() - 1;
    }
    const Spread spread = SpreadOf(means);
    series->x.push_back(at);
    series->y.push_back(100 * spread.mean);
    series->error.push_back(100 * spread.deviation);
  }
  return plot;
}

}  // namespace

std::string AccuracyTable(const std::vector<std::string>& sets,
                          const std::vector<RowResults>& rows) {
  std::vector<TableColumn> columns{{"row", "", TableColumn::Align::kLeft}};
  for (const std::string& set : sets) columns.push_back({set, "%"});
  columns.push_back({"mean", "%"});
  columns.push_back({"of bn to full", "%"});
  const double floor = MeanOf("bn", rows), ceiling = MeanOf("full", rows);
  TextTable table(columns);
  for (const RowResults& row : rows) {
    std::vector<std::string> cells{row.label};
    for (const auto& set : row.of_set) {
      cells.push_back(TestsText(set));
    }
    cells.push_back(MeanAndDeviation(MeansOverSets(row)));
    const double closed = (MeanOf(row.label, rows) - floor) / (ceiling - floor);
    cells.push_back(std::isfinite(closed) ? FormatPercent(closed, 1) : "");
    table.AddRow(std::move(cells));
  }
  return table.str();
}

std::string AccountingTable(const BackboneSize& backbone,
                            const std::vector<RowResults>& rows) {
  TextTable table({{"row", "", TableColumn::Align::kLeft},
                   {"columns", "entries x bits"},
                   {"PEs", "bits"},
                   {"elements, kernels", "entries x bits"},
                   {"mask", "B"},
                   {"of the weights", "%"},
                   {"of Piggyback", "%"},
                   {"new weights", "B"},
                   {"batch norm", "B"},
                   {"ranges", "B"},
                   {"head", "B"},
                   {"columns off", "%"},
                   {"cells written", ""},
                   {"of the cells", "%"},
                   {"rows", ""},
                   {"arrays", ""}});
  for (const RowResults& row : rows) {
    if (Empty(row)) continue;
    const auto mean = [&](auto&& of) {
      return fmt::format("{:.0f}", Mean(row, of));
    };
    const double mask = MaskBytes(row), cells = CellsWritten(row);
    const std::string elements = BitsText(row, "elements");
    table.AddRow(
        {row.label, BitsText(row, "columns"), BitsText(row, "pes"),
         elements.empty() ? BitsText(row, "kernels") : elements,
         fmt::format("{:.0f}", mask),
         FormatPercent(mask / double(backbone.bytes())),
         FormatPercent(mask / double(backbone.piggyback_bytes())),
         std::to_string(MeanBytes(row, "weights")),
         mean([](const CompareResult& r) { return r.size.norm_bytes; }),
         mean([](const CompareResult& r) { return r.size.range_bytes; }),
         mean([](const CompareResult& r) { return r.size.head_bytes; }),
         FormatPercent(Mean(row, ColumnsOff)), fmt::format("{:.0f}", cells),
         FormatPercent(cells / double(backbone.cells)),
         mean([](const CompareResult& r) { return r.writes.rows; }),
         mean([](const CompareResult& r) { return r.writes.arrays; })});
  }
  return fmt::format(
      "means over tasks and seeds; the backbone's layers but the head: {} "
      "weights of "
      "{} bits in {} B, {} cells; Piggyback's binary mask over them: {} B\n{}",
      backbone.weights, backbone.bits_each, backbone.bytes(), backbone.cells,
      backbone.piggyback_bytes(), table.str());
}

Plot AccuracyOverCells(const BackboneSize& backbone,
                       const std::vector<RowResults>& rows) {
  return Scatter(rows, {"cells written [% of the cells but the head's]", true},
                 [&](const RowResults& row) {
                   return 100 * CellsWritten(row) / double(backbone.cells);
                 });
}

Plot AccuracyOverBytes(const std::vector<RowResults>& rows) {
  return Scatter(rows, {"mask and new weights [B]", true},
                 [](const RowResults& row) {
                   return MaskBytes(row) + double(MeanBytes(row, "weights"));
                 });
}

}  // namespace ohm::train
