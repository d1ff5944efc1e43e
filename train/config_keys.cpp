#include "train/config_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "core/base/check.h"
#include "hw/spec_fields.h"
#include "train/config.h"

namespace ohm::train {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

// Shortest text that reads back to the same bits, always a TOML float.
template <typename T>
std::string FloatText(T value) {
  OHM_CHECK(std::isfinite(value), "[config] a number is not finite");
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

template <typename T, typename Text>
std::string ListText(const std::vector<T>& values, Text text) {
  std::string list = "[";
  for (const T& value : values) {
    list += (list.size() > 1 ? ", " : "") + text(value);
  }
  return list + "]";
}

std::string LimitText(double limit) { return fmt::format("{}", limit); }

// " in 1..100", " of at least 1", "" without limits.
std::string RangeText(const KeyRow& row) {
  const bool low = std::isfinite(row.min);
  const bool high = std::isfinite(row.max);
  if (low && high) {
    return " in " + LimitText(row.min) + ".." + LimitText(row.max);
  }
  if (low) return " of at least " + LimitText(row.min);
  if (high) return " of at most " + LimitText(row.max);
  return "";
}

std::string Join(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

// What may stand there, for the table: range or choices, and the unit.
std::string AllowedText(const KeyRow& row) {
  std::string text = Join(row.choices);
  if (row.choices.empty() && std::isfinite(row.min)) {
    text = std::isfinite(row.max)
               ? LimitText(row.min) + ".." + LimitText(row.max)
               : "from " + LimitText(row.min);
  }
  if (!row.unit.empty()) text += (text.empty() ? "" : " ") + row.unit;
  return text;
}

size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({change, above + 1, row[j - 1] + 1});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string SectionOf(const std::string& name) {
  return name.substr(0, name.find('.'));
}

}  // namespace

std::vector<KeyRow> KeyRows(Config* config) {
  struct Hw {
    Config* config;
    void Visit(KeyCollector& visit) {
      visit("preset", config->hw_preset,
            train::FieldDoc{
                .doc = "Crossbar to map onto: a file of hw and device keys in "
                       "configs/hw, by name or path; empty: digital."});
      hw::VisitFields(config->hw, visit);
    }
  } hw{config};
  KeyCollector collector;
  collector.Section("data", &config->data);
  collector.Section("model", &config->model);
  collector.Section("train", &config->train);
  collector.Section("tasks", &config->tasks);
  collector.Section("adapt", &config->adapt);
  collector.Section("eval", &config->eval);
  collector.Section("sweep", &config->sweep);
  collector.Section("run", &config->run);
  collector.Section("hw", &hw);
  collector.Section("device", &config->device);
  return std::move(collector).rows();
}

std::string TypeName(const KeyRow& row) {
  const bool choice = !row.choices.empty();
  return std::visit(
      Overloaded{
          [](bool*) { return "bool"; },
          [](int*) { return "integer"; },
          [](int64_t*) { return "integer"; },
          [](float*) { return "float"; },
          [](double*) { return "float"; },
          [=](std::string*) { return choice ? "choice" : "string"; },
          [](std::vector<std::string>*) { return "list of strings"; },
          [](std::vector<double>*) { return "list of floats"; },
          [](Duration*) { return "epochs or steps"; },
          [](const EnumField&) { return "choice"; },
      },
      row.field);
}

std::string Expected(const KeyRow& row) {
  const std::string type = TypeName(row);
  const std::string range = RangeText(row);
  if (type == "bool") return "true or false";
  if (type == "integer") return "an integer" + range;
  if (type == "float") return "a number" + range;
  if (type == "choice") return "one of " + Join(row.choices);
  if (type == "string") return "a string";
  if (type == "list of floats") return "a list of numbers" + range;
  if (type == "epochs or steps") {
    return "a duration such as \"5e\" (epochs) or \"500s\" (steps)" + range;
  }
  return row.choices.empty() ? "a list of strings"
                             : "a list of " + Join(row.choices);
}

std::string QuoteToml(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\u{:04X}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string ValueText(const KeyRow& row) {
  return std::visit(
      Overloaded{
          [](const bool* v) { return std::string(*v ? "true" : "false"); },
          [](const int* v) { return std::to_string(*v); },
          [](const int64_t* v) { return std::to_string(*v); },
          [](const float* v) { return FloatText(*v); },
          [](const double* v) { return FloatText(*v); },
          [](const std::string* v) { return QuoteToml(*v); },
          [](const std::vector<std::string>* v) {
            return ListText(*v, QuoteToml);
          },
          [](const std::vector<double>* v) {
            return ListText(*v, FloatText<double>);
          },
          [](const Duration* v) { return QuoteToml(v->str()); },
          [&](const EnumField& v) {
            return QuoteToml(row.choices.at(static_cast<size_t>(v.get())));
          },
      },
      row.field);
}

std::string ClosestWord(const std::string& word,
                        const std::vector<std::string>& words) {
  std::string best;
  size_t least = std::max<size_t>(2, word.size() / 4) + 1;
  for (const std::string& candidate : words) {
    const size_t distance = EditDistance(word, candidate);
    if (distance < least && distance < candidate.size()) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

std::string KeyHelp(const std::vector<const char*>& sections) {
  const auto wanted = [&](const std::string& key) {
    return sections.empty() ||
           std::ranges::any_of(sections, [&](const std::string& listed) {
             return listed == key || listed == SectionOf(key);
           });
  };
  Config defaults;
  std::string text;
  std::string section;
  for (const KeyRow& row : KeyRows(&defaults)) {
    if (!wanted(row.name)) continue;
    if (SectionOf(row.name) != section) {
      section = SectionOf(row.name);
      text += (text.empty() ? "[" : "\n[") + section + "]\n";
    }
    const std::string allowed = AllowedText(row);
    text += fmt::format("  {} = {}  ({}{}{})\n      {}\n", row.name,
                        ValueText(row), TypeName(row),
                        allowed.empty() ? "" : ": ", allowed, row.doc);
  }
  return text;
}

namespace {

// A bar would begin the table's next cell.
std::string InCell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

}  // namespace

std::string KeyMarkdown() {
  Config defaults;
  std::string text;
  std::string section;
  for (const KeyRow& row : KeyRows(&defaults)) {
    if (SectionOf(row.name) != section) {
      section = SectionOf(row.name);
      text += (text.empty() ? "## " : "\n## ") + section +
              "\n\n| key | type | default | range or choices, unit | meaning "
              "|\n|---|---|---|---|---|\n";
    }
    text +=
        fmt::format("| `{}` | {} | `{}` | {} | {} |\n", row.name, TypeName(row),
                    ValueText(row), AllowedText(row), InCell(row.doc));
  }
  return text;
}

}  // namespace ohm::train
