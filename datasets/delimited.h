// Text tables with one row per line, as data sets list their labels in.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ohm::datasets {

struct Row {
  std::string where;  // "path:line", for messages
  std::vector<std::string> fields;
};

// The rows of a file, cut at `separator`; empty lines are passed over, as are
// carriage returns. Error if the file cannot be read or a row has fewer than
// `min_fields` fields.
std::vector<Row> ReadRows(const std::filesystem::path& path, char separator,
                          size_t min_fields);

// The field as a whole number; Error names the row otherwise.
int ParseNumber(const Row& row, size_t field);

}  // namespace ohm::datasets
