#include "train/config_read.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <sstream>
#include <utility>

#include "core/base/check.h"
#include "core/base/file.h"

namespace ohm::train {

// Owns the whole document, so that `node` stays valid.
struct TomlValue {
  std::shared_ptr<const toml::table> document;
  const toml::node* node;
};

namespace {

std::string NodeText(const toml::node& node) {
  std::ostringstream text;
  node.visit([&](const auto& value) {
    if constexpr (toml::is_string<decltype(value)>) {
      text << QuoteToml(value.get());
    } else if constexpr (toml::is_table<decltype(value)>) {
      text << "a section";
    } else {
      text << value;
    }
  });
  return text.str();
}

[[noreturn]] void ThrowWrongValue(const ConfigEntry& entry, const KeyRow& row) {
  const std::string got =
      entry.value ? NodeText(*entry.value->node) : QuoteToml(entry.bare);
  std::string message = entry.where + ": " + row.name + ": expected " +
                        Expected(row) + ", got " + got;
  std::string word = entry.bare;
  if (entry.value) word = entry.value->node->value_or(std::string());
  const std::string near = ClosestWord(word, row.choices);
  if (!near.empty()) message += "; did you mean \"" + near + "\"?";
  throw UsageError(message);
}

bool InRange(const KeyRow& row, double value) {
  return std::isfinite(value) && value >= row.min && value <= row.max;
}

bool IsChoice(const KeyRow& row, const std::string& value) {
  return row.choices.empty() || std::ranges::count(row.choices, value) > 0;
}

// Each Parse returns nothing where the text or node is not of its type.

std::optional<int64_t> ParseInt(const toml::node* node) {
  if (node == nullptr || !node->is_integer()) return std::nullopt;
  return node->value_exact<int64_t>();
}

std::optional<double> ParseFloat(const toml::node* node) {
  if (node == nullptr || !node->is_number()) return std::nullopt;
  return node->value<double>();
}

// Text of --set needs no quotes: run.dir=2024 is a string.
std::optional<std::string> ParseString(const ConfigEntry& entry) {
  const toml::node* node = entry.value ? entry.value->node : nullptr;
  if (node != nullptr && node->is_string()) {
    return node->value_exact<std::string>();
  }
  if (entry.from_set) return entry.bare;
  return std::nullopt;
}

std::vector<std::string> SplitWords(std::string text) {
  if (text.starts_with('[') && text.ends_with(']')) {
    text = text.substr(1, text.size() - 2);
  }
  std::vector<std::string> words;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, ',');) {
    const size_t begin = word.find_first_not_of(" \t\"'");
    if (begin == std::string::npos) continue;
    words.push_back(
        word.substr(begin, word.find_last_not_of(" \t\"'") - begin + 1));
  }
  return words;
}

std::optional<std::vector<std::string>> ParseStrings(const ConfigEntry& entry) {
  const toml::node* node = entry.value ? entry.value->node : nullptr;
  if (node == nullptr || !node->is_array()) {
    if (entry.from_set) return SplitWords(*ParseString(entry));
    return std::nullopt;
  }
  std::vector<std::string> strings;
  for (const toml::node& item : *node->as_array()) {
    if (!item.is_string()) return std::nullopt;
    strings.push_back(*item.value_exact<std::string>());
  }
  return strings;
}

std::optional<std::vector<double>> ParseFloats(const toml::node* node) {
  if (node == nullptr || !node->is_array()) return std::nullopt;
  std::vector<double> numbers;
  for (const toml::node& item : *node->as_array()) {
    const auto number = ParseFloat(&item);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

// Stores a value in the field it is called with; false if it does not fit.
struct Setter {
  const ConfigEntry& entry;
  const KeyRow& row;
  const toml::node* node;

  bool operator()(bool* field) const {
    if (node == nullptr || !node->is_boolean()) return false;
    *field = *node->value_exact<bool>();
    return true;
  }
  bool operator()(int* field) const { return SetInt(field); }
  bool operator()(int64_t* field) const { return SetInt(field); }
  bool operator()(float* field) const { return SetFloat(field); }
  bool operator()(double* field) const { return SetFloat(field); }
  bool operator()(std::string* field) const {
    const auto value = ParseString(entry);
    if (!value || !IsChoice(row, *value)) return false;
    *field = *value;
    return true;
  }
  bool operator()(std::vector<std::string>* field) const {
    auto values = ParseStrings(entry);
    if (!values) return false;
    for (const std::string& value : *values) {
      if (!IsChoice(row, value)) return false;
    }
    *field = std::move(*values);
    return true;
  }
  bool operator()(std::vector<double>* field) const {
    auto values = ParseFloats(node);
    if (!values) return false;
    for (const double value : *values) {
      if (!InRange(row, value)) return false;
    }
    *field = std::move(*values);
    return true;
  }
  bool operator()(Duration* field) const {
    const auto text = ParseString(entry);
    if (!text) return false;
    try {
      const Duration duration = ParseDuration(*text);
      if (!InRange(row, duration.count)) return false;
      *field = duration;
    } catch (const Error&) {
      return false;
    }
    return true;
  }
  bool operator()(const EnumField& field) const {
    const auto value = ParseString(entry);
    const auto it =
        value ? std::ranges::find(row.choices, *value) : row.choices.end();
    if (it == row.choices.end()) return false;
    field.set(static_cast<int>(it - row.choices.begin()));
    return true;
  }

 private:
  template <typename T>
  bool SetInt(T* field) const {
    const auto value = ParseInt(node);
    if (!value || !InRange(row, static_cast<double>(*value)) ||
        *value < std::numeric_limits<T>::min() ||
        *value > std::numeric_limits<T>::max()) {
      return false;
    }
    *field = static_cast<T>(*value);
    return true;
  }
  template <typename T>
  bool SetFloat(T* field) const {
    const auto value = ParseFloat(node);
    if (!value || !InRange(row, *value)) return false;
    *field = static_cast<T>(*value);
    return std::isfinite(*field);
  }
};

// Keys of nested tables, depth first.
void Flatten(const std::shared_ptr<const toml::table>& document,
             const toml::table& table, const std::string& prefix,
             const std::string& file, const std::vector<std::string>& names,
             std::vector<ConfigEntry>* entries) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    const std::string where =
        file + ":" + std::to_string(node.source().begin.line);
    const bool known = std::ranges::count(names, key) > 0;
    if (known || !node.is_table()) {
      entries->push_back(
          {key, where, std::make_shared<TomlValue>(TomlValue{document, &node}),
           "", false});
      continue;
    }
    const bool section = std::ranges::any_of(
        names, [&](const auto& full) { return full.starts_with(key + "."); });
    if (!section && node.as_table()->empty()) {
      throw UsageError(where + ": unknown section [" + key + "]");
    }
    Flatten(document, *node.as_table(), key + ".", file, names, entries);
  }
}

// The one value in `text`, or null where it is not TOML.
std::shared_ptr<const TomlValue> ParseValue(const std::string& text) {
  try {
    auto table =
        std::make_shared<const toml::table>(toml::parse("value = " + text));
    if (table->size() != 1) return nullptr;  // a line break and more keys
    return std::make_shared<TomlValue>(
        TomlValue{table, &table->begin()->second});
  } catch (const toml::parse_error&) {
    return nullptr;
  }
}

}  // namespace

std::vector<ConfigEntry> ReadEntries(const std::filesystem::path& path,
                                     const std::vector<std::string>& names) {
  std::vector<ConfigEntry> entries;
  try {
    const auto document = std::make_shared<const toml::table>(
        toml::parse(ReadFile(path), path.string()));
    Flatten(document, *document, "", path.string(), names, &entries);
  } catch (const toml::parse_error& error) {
    throw UsageError(path.string() + ":" +
                     std::to_string(error.source().begin.line) +
                     ": not TOML: " + std::string(error.description()));
  } catch (const UsageError&) {
    throw;
  } catch (const Error& error) {  // unreadable
    throw UsageError(error.what());
  }
  std::ranges::stable_sort(entries, {}, [](const ConfigEntry& entry) {
    return entry.value->node->source().begin.line;
  });
  return entries;
}

ConfigEntry ReadOverride(const std::string& text) {
  const std::string where = "--set " + text;
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError(where + ": expected section.key=value");
  }
  ConfigEntry entry{text.substr(0, equals), where, nullptr,
                    text.substr(equals + 1), true};
  entry.value = ParseValue(entry.bare);
  if (!entry.value && !ParseValue(QuoteToml(entry.bare))) {
    throw UsageError(where + ": expected text in UTF-8");
  }
  return entry;
}

void SetField(const ConfigEntry& entry, const KeyRow& row) {
  const toml::node* node = entry.value ? entry.value->node : nullptr;
  if (!std::visit(Setter{entry, row, node}, row.field)) {
    ThrowWrongValue(entry, row);
  }
}

void ThrowUnknownKey(const std::string& where, const std::string& key,
                     const std::vector<std::string>& names) {
  std::string near = ClosestWord(key, names);
  if (near.empty()) {  // the right word in the wrong section
    const std::string word = key.substr(key.rfind('.') + 1);
    const auto it = std::ranges::find_if(names, [&](const auto& name) {
      return name.substr(name.rfind('.') + 1) == word;
    });
    if (it != names.end()) near = *it;
  }
  throw UsageError(where + ": unknown key '" + key + "'" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?"));
}

}  // namespace ohm::train
