// Text tables for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ohm::train {

struct TableColumn {
  std::string title;
  std::string unit = "";  // printed after the title: "top-1 [%]"
  enum class Align { kLeft, kRight } align = Align::kRight;
};

class TextTable {
 public:
  // At least one column.
  explicit TextTable(std::vector<TableColumn> columns);

  // One cell per column; Error otherwise.
  void AddRow(std::vector<std::string> cells);
  void AddRule();  // a line between groups of rows

  // Columns as wide as their widest cell (UTF-8 code points), two spaces
  // apart, no trailing spaces, a line break at the end.
  std::string str() const;

 private:
  std::vector<TableColumn> columns_;
  std::vector<std::vector<std::string>> rows_;  // empty: a rule
};

std::string FormatPercent(double share, int decimals = 2);  // .9173 -> "91.73"
std::string FormatNumber(double value, int decimals);
std::string FormatBytes(int64_t bytes);     // "712 B", "33.6 KiB", "1.2 MiB"
std::string FormatSeconds(double seconds);  // "0:07", "3:05", "1:02:03"

}  // namespace ohm::train
