// Tables whose rows have names, which configs and commands choose from.
#pragma once

#include <string>
#include <vector>

#include "core/base/check.h"

namespace ohm {

template <typename Table>
std::vector<std::string> NamesOf(const Table& table) {
  std::vector<std::string> names;
  for (const auto& row : table) names.emplace_back(row.name);
  return names;
}

// The row called `name`. UsageError that names them all where there is none;
// `what` begins the sentence: "[model] expected one of ...".
template <typename Table>
const auto& FindRow(const Table& table, const std::string& name,
                    const std::string& what) {
  for (const auto& row : table) {
    if (name == row.name) return row;
  }
  std::string names;
  for (const std::string& known : NamesOf(table)) {
    names += (names.empty() ? "" : ", ") + known;
  }
  throw UsageError(what + " expected one of " + names + ", got '" + name + "'");
}

}  // namespace ohm
