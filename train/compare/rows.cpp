#include "train/compare/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "train/tasks/method.h"

namespace ohm::train {
namespace {

constexpr const char* kVariants = "tasks.variants";

void CheckKey(const Config& config, const std::string& item,
              const std::string& key) {
  const bool listed = key == "tasks.sets" || key == "tasks.methods" ||
                      key == kVariants || key == "tasks.seeds" ||
                      key == "tasks.seed" || key == "tasks.resume";
  if (key.starts_with("tasks.") && !listed) return;
  ThrowAtKey(config, kVariants,
             fmt::format("expected keys of [tasks] that change a training, got "
                         "'{}' in \"{}\"",
                         key, item));
}

std::vector<std::string> SplitAt(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) {
    parts.push_back(part);
  }
  return parts;
}

// Every candidate with each of the values.
std::vector<std::vector<std::string>> With(
    const std::vector<std::vector<std::string>>& candidates,
    const std::string& key, const std::vector<std::string>& values) {
  std::vector<std::vector<std::string>> all;
  for (const auto& candidate : candidates) {
    for (const std::string& value : values) {
      all.push_back(candidate);
      all.back().push_back(key + "=" + value);
    }
  }
  return all;
}

CompareRow ReadVariant(const Config& config, const std::string& item) {
  std::istringstream words(item);
  CompareRow row;
  words >> row.method;
  try {
    FindMethod(row.method);
  } catch (const Error& error) {
    ThrowAtKey(config, kVariants,
               fmt::format("expected items such as \"xma2 tasks.budget=0.2\", "
                           "got \"{}\": {}",
                           item, error.what()));
  }
  row.label = row.method;
  row.candidates = {{}};
  std::set<std::string> keys;
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const auto values = equals == std::string::npos
                            ? std::vector<std::string>()
                            : SplitAt(word.substr(equals + 1), '|');
    if (values.empty() || word.back() == '|' ||
        std::ranges::count(values, "") > 0) {
      ThrowAtKey(config, kVariants,
                 fmt::format("expected key=value or key=value|value, got '{}' "
                             "in \"{}\"",
                             word, item));
    }
    CheckKey(config, item, key);
    if (!keys.insert(key).second) {
      ThrowAtKey(config, kVariants,
                 fmt::format("expected each key once, got {} twice in \"{}\"",
                             key, item));
    }
    row.candidates = With(row.candidates, key, values);
    if (values.size() == 1) row.label += " " + word;
  }
  return row;
}

}  // namespace

std::vector<CompareRow> CompareRows(const Config& config) {
  std::vector<CompareRow> rows;
  for (const std::string& method : config.tasks.methods) {
    rows.push_back({method, method, {{}}});
  }
  for (const std::string& item : config.tasks.variants) {
    rows.push_back(ReadVariant(config, item));
  }
  std::set<std::string> labels;
  for (const CompareRow& row : rows) {
    if (!labels.insert(row.label).second) {
      ThrowAtKey(config, kVariants,
                 "expected each row once, got '" + row.label + "' twice");
    }
    for (size_t c = 0; c < row.candidates.size(); ++c) {
      try {
        ConfigOfTraining(config, row, c, "", config.tasks.seed);
      } catch (const UsageError& error) {
        ThrowAtKey(config, kVariants,
                   std::string("expected what --set takes; ") + error.what());
      }
    }
  }
  return rows;
}

Config ConfigOfTraining(const Config& config, const CompareRow& row,
                        size_t candidate, const std::string& set,
                        int64_t seed) {
  Config own = row.candidates[candidate].empty()
                   ? config
                   : ReloadConfig(config, row.candidates[candidate]);
  own.model.weights = config.model.weights;
  own.run.dir.clear();
  own.sweep = {};
  own.tasks.sets = {set};
  own.tasks.methods = {row.method};
  own.tasks.variants.clear();
  own.tasks.seeds = 1;
  own.tasks.seed = seed;
  own.tasks.resume = true;
  return own;
}

std::string HashOfTraining(const Config& training,
                           const std::string& backbone_hash) {
  Config own = training;
  // Neither where things lie nor how many threads compute changes a result.
  own.model.weights.clear();
  own.data.root.clear();
  own.tasks.store = TasksOptions().store;
  own.data.workers = DataOptions().workers;
  own.train.threads = TrainOptions().threads;
  own.hw_preset = "-";  // its keys count
  const std::string text = ChangedKeys(own) + backbone_hash;
  Fnv1a hash;
  hash.Add(text.data(), text.size());
  return hash.Hex();
}

}  // namespace ohm::train
