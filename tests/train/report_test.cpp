// The tables and plots of a comparison, on results made by hand.
#include "train/compare/report.h"

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>

#include "tests/support/near.h"

namespace ohm::train {
namespace {

CompareResult Result(double test, int64_t cells) {
  CompareResult r;
  r.test = test;
  r.size.mask["columns"] = {100, 3};
  r.size.columns_off = 25;
  r.size.norm_bytes = 64;
  r.size.head_bytes = 40;
  r.writes = {cells, cells / 10, 2, cells};
  return r;
}

CompareResult Failed() {
  CompareResult r;
  r.failed = true;
  return r;
}

// Two sets and three seeds each. One of xma's trainings has failed: its seed
// counts on the other set, but not in the mean over sets.
std::vector<RowResults> Rows() {
  const auto at = [](double a, double b, double c, int64_t cells) {
    return std::vector{Result(a, cells), Result(b, cells), Result(c, cells)};
  };
  std::vector<RowResults> rows{
      {"bn", {at(0.50, 0.52, 0.54, 0), at(0.70, 0.70, 0.70, 0)}},
      {"xma", {at(0.60, 0.0, 0.64, 100), at(0.80, 0.90, 0.84, 300)}},
      {"full", {at(0.80, 0.80, 0.80, 800), at(0.92, 0.92, 0.92, 800)}},
  };
  rows[1].of_set[0][1] = Failed();
  return rows;
}

// The cells of the table's row that begins with `label`, apart by two blanks.
std::vector<std::string> CellsOfRow(const std::string& table,
                                    const std::string& label) {
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> cells;
    for (size_t at = 0; (at = line.find_first_not_of(' ', at)) < line.size();) {
      const size_t end = std::min(line.find("  ", at), line.size());
      cells.push_back(line.substr(at, end - at));
      at = end;
    }
    if (!cells.empty() && cells[0] == label) return cells;
  }
  FAIL("no row ", label, " in\n", table);
  return {};
}

TEST_CASE("report: means, deviations, and how far a row goes") {
  const std::string table = AccuracyTable({"a", "b"}, Rows());
  CHECK(CellsOfRow(table, "bn") ==
        std::vector<std::string>{"bn", "52.00 ± 2.00", "70.00 ± 0.00",
                                 "61.00 ± 1.00", "0.0"});
  // Means of the first and third seed: 70 and 74; (72 - 61) / (86 - 61).
  CHECK(CellsOfRow(table, "xma") ==
        std::vector<std::string>{"xma", "62.00 ± 2.83, 1 failed",
                                 "84.67 ± 5.03", "72.00 ± 2.83", "44.0"});
  CHECK(CellsOfRow(table, "full").back() == "100.0");
}

TEST_CASE("report: what a row takes and writes, without failed trainings") {
  // 1,000 weights of 8 bits: Piggyback's mask has 125 bytes.
  const BackboneSize backbone{1000, 8, 2000};
  const auto cells = CellsOfRow(AccountingTable(backbone, Rows()), "xma");
  // Bits: 300, that is 38 bytes. Cells: 100 twice and 300 three times.
  CHECK(cells == std::vector<std::string>{"xma", "100 x 3", "38", "3.80",
                                          "30.40", "0", "64", "0", "40",
                                          "25.00", "220", "11.00", "22", "2"});
}

TEST_CASE("report: points of the plots") {
  const BackboneSize backbone{1000, 8, 2000};
  const Plot plot = AccuracyOverCells(backbone, Rows());
  REQUIRE(plot.series.size() == 2);  // bn writes none
  CHECK(plot.series[0].name == "xma");
  REQUIRE(plot.series[0].x.size() == 1);
  CHECK(plot.series[0].x[0] == test::Near(11));
  CHECK(plot.series[0].y[0] == test::Near(72));
  CHECK(plot.series[0].error[0] == test::Near(100 * 0.02 * std::sqrt(2)));
  // Budgets of one method are one series.
  auto rows = Rows();
  rows[1].label = "xma2 tasks.budget=0.1";
  rows[2].label = "xma2 tasks.budget=0.2";
  const Plot bytes = AccuracyOverBytes(rows);
  REQUIRE(bytes.series.size() == 2);
  CHECK(bytes.series[1].name == "xma2");
  CHECK(bytes.series[1].x == std::vector<double>{38, 38});
}

}  // namespace
}  // namespace ohm::train
