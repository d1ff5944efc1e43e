#include "datasets/delimited.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

#include "core/base/check.h"
#include "core/base/file.h"

namespace ohm::datasets {

std::vector<Row> ReadRows(const std::filesystem::path& path, char separator,
                          size_t min_fields) {
  std::istringstream lines(ReadFile(path));
  std::vector<Row> rows;
  std::string line;
  for (int64_t number = 1; std::getline(lines, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    Row row{fmt::format("{}:{}", path.string(), number), {}};
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, separator);) {
      row.fields.push_back(field);
    }
    OHM_CHECK(row.fields.size() >= min_fields,
              fmt::format("{}: expected at least {} fields, got '{}'",
                          row.where, min_fields, line));
    rows.push_back(std::move(row));
  }
  return rows;
}

int ParseNumber(const Row& row, size_t field) {
  const std::string& text = row.fields[field];
  int value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  OHM_CHECK(result.ec == std::errc() && result.ptr == end,
            fmt::format("{}: expected a whole number in field {}, got '{}'",
                        row.where, field + 1, text));
  return value;
}

}  // namespace ohm::datasets
