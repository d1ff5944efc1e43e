// Every config key as a row bound to its field: what LoadConfig fills, what
// --help and docs/config.md print.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "train/schedule.h"

namespace ohm::train {

struct Config;

// An enum field: its value is an index into the row's choices.
struct EnumField {
  std::function<int()> get;
  std::function<void(int)> set;
};

using FieldRef = std::variant<bool*, int*, int64_t*, float*, double*,
                              std::string*, std::vector<std::string>*,
                              std::vector<double>*, Duration*, EnumField>;

struct KeyRow {
  std::string name;  // "train.epochs"
  FieldRef field;
  std::string unit;
  double min;
  double max;
  std::vector<std::string> choices;
  std::string doc;
};

// Receives an options struct's fields; see train/config_field.h. `doc` is any
// struct with the members unit, min, max, choices, doc.
class KeyCollector {
 public:
  template <typename Options>
  void Section(std::string prefix, Options* options) {
    prefix_ = std::move(prefix) + ".";
    options->Visit(*this);
  }

  template <typename Field, typename Doc>
  void operator()(const std::string& key, Field& field, const Doc& doc) {
    KeyRow row{prefix_ + key, MakeRef(&field), doc.unit, doc.min, doc.max, {},
               doc.doc};
    for (const auto& choice : doc.choices) row.choices.emplace_back(choice);
    rows_.push_back(std::move(row));
  }

  std::vector<KeyRow> rows() && { return std::move(rows_); }

 private:
  template <typename Field>
  static FieldRef MakeRef(Field* field) {
    if constexpr (std::is_enum_v<Field>) {
      return EnumField{
          [field] { return static_cast<int>(*field); },
          [field](int value) { *field = static_cast<Field>(value); }};
    } else {
      return field;
    }
  }

  std::string prefix_;
  std::vector<KeyRow> rows_;
};

// All rows in the order of the docs, bound to the fields of `config`, which
// must outlive them.
std::vector<KeyRow> KeyRows(Config* config);

std::string TypeName(const KeyRow& row);  // "integer", "list of strings", ...
std::string Expected(const KeyRow& row);  // "an integer in 1..100000"
// The field as TOML text; what LoadConfig reads back to the same bits.
std::string ValueText(const KeyRow& row);
std::string QuoteToml(const std::string& text);

// The most similar word, or "" if none is close.
std::string ClosestWord(const std::string& word,
                        const std::vector<std::string>& words);

// The keys with type, range, default and sentence, for --help.
std::string KeyHelp(const std::vector<const char*>& sections = {});
// The same as Markdown tables, one per section: docs/config.md.
std::string KeyMarkdown();

}  // namespace ohm::train
