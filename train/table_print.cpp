#include "train/table_print.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/check.h"

namespace ohm::train {
namespace {

using Align = TableColumn::Align;

size_t Width(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // not a UTF-8 tail
  }));
}

std::string Line(const std::vector<std::string>& cells,
                 const std::vector<TableColumn>& columns,
                 const std::vector<size_t>& widths) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string space(widths[i] - Width(cells[i]), ' ');
    if (i > 0) line += "  ";
    line +=
        columns[i].align == Align::kRight ? space + cells[i] : cells[i] + space;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

TextTable::TextTable(std::vector<TableColumn> columns)
    : columns_(std::move(columns)) {
  OHM_CHECK(!columns_.empty(), "[table] expected at least one column, got 0");
}

void TextTable::AddRow(std::vector<std::string> cells) {
  OHM_CHECK(cells.size() == columns_.size(),
            "[table] expected " + std::to_string(columns_.size()) +
                " cells, got " + std::to_string(cells.size()));
  rows_.push_back(std::move(cells));
}

void TextTable::AddRule() { rows_.emplace_back(); }

std::string TextTable::str() const {
  std::vector<std::string> titles;
  for (const TableColumn& column : columns_) {
    titles.push_back(column.unit.empty()
                         ? column.title
                         : column.title + " [" + column.unit + "]");
  }
  std::vector<size_t> widths;
  for (const std::string& title : titles) widths.push_back(Width(title));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Width(row[i]));
    }
  }
  size_t total = 2 * (widths.size() - 1);
  for (const size_t width : widths) total += width;
  const std::string rule = std::string(total, '-') + "\n";
  std::string text = Line(titles, columns_, widths) + rule;
  for (const auto& row : rows_) {
    text += row.empty() ? rule : Line(row, columns_, widths);
  }
  return text;
}

std::string FormatPercent(double share, int decimals) {
  return fmt::format("{:.{}f}", share * 100, decimals);
}

std::string FormatNumber(double value, int decimals) {
  return fmt::format("{:.{}f}", value, decimals);
}

std::string FormatBytes(int64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  // Below the next unit even after rounding to one decimal.
  while (value >= 1023.95 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string FormatSeconds(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  const auto all = std::llround(std::min(seconds, 1e9));
  if (all < 3600) return fmt::format("{}:{:02}", all / 60, all % 60);
  return fmt::format("{}:{:02}:{:02}", all / 3600, all / 60 % 60, all % 60);
}

}  // namespace ohm::train
