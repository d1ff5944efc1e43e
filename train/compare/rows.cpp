#include "train/compare/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "hw/slicing.h"
#include "train/checkpoint.h"
#include "train/split_text.h"
#include "train/tasks/mask_options.h"
#include "train/tasks/method.h"
#include "train/tasks/teacher.h"

namespace ohm::train {
namespace {

constexpr const char* kVariants = "tasks.variants";

// To be raised with every change of the code that changes what a training
// gives: results of older versions are not used again. The others are for
// changes of what chips with real devices do, of those whose slices or cycles
// are converted apart, of learned gates, of PEs of rows that are chosen in
// rounds, and of nothing else. (Fine cells of a layer that has one of exactly
// 127 codes were off by up to 1/256 of a code instead of 1/512 until
// 2026-11-29: no result that a test of images could tell.)
constexpr int kVersion = 2, kChipVersion = 4, kApartVersion = 2,
              kGatesVersion = 5, kRowsVersion = 2;

// A method with the values that its keys take.
struct Variant {
  std::string label, method;
  struct Candidate {
    std::vector<std::string> overrides;
    std::string values;  // of the keys that have several
  };
  std::vector<Candidate> candidates = {{}};
};

void CheckKey(const Config& config, const std::string& item,
              const std::string& key) {
  const bool listed = key == "tasks.sets" || key == "tasks.methods" ||
                      key == kVariants || key == "tasks.seeds" ||
                      key == "tasks.seed" || key == "tasks.resume" ||
                      key == "tasks.store" || key == "tasks.switches";
  if (key.starts_with("tasks.") && !listed) return;
  ThrowAtKey(config, kVariants,
             fmt::format("expected keys of [tasks] that change a training, got "
                         "'{}' in \"{}\"",
                         key, item));
}

// Every candidate with each of the values.
std::vector<Variant::Candidate> With(
    const std::vector<Variant::Candidate>& candidates, const std::string& key,
    const std::vector<std::string>& values) {
  std::vector<Variant::Candidate> all;
  for (const Variant::Candidate& candidate : candidates) {
    for (const std::string& value : values) {
      all.push_back(candidate);
      std::string& text = all.back().values;
      all.back().overrides.push_back(key + "=" + value);
      if (values.size() == 1) continue;
      text += (text.empty() ? "" : " ") + all.back().overrides.back();
    }
  }
  return all;
}

// One word of a variant: its key and the values to try.
std::pair<std::string, std::vector<std::string>> ReadWord(
    const Config& config, const std::string& item, const std::string& word) {
  const size_t equals = word.find('=');
  const std::string key = word.substr(0, equals);
  const auto values = equals == std::string::npos
                          ? std::vector<std::string>()
                          : SplitText(word.substr(equals + 1), '|');
  if (values.empty() || word.back() == '|' ||
      std::ranges::count(values, "") > 0) {
    ThrowAtKey(config, kVariants,
               fmt::format("expected key=value or key=value|value, got '{}' "
                           "in \"{}\"",
                           word, item));
  }
  CheckKey(config, item, key);
  if (key == "tasks.norm_batches" && values.size() > 1) {
    ThrowAtKey(config, kVariants,
               fmt::format("expected one value of tasks.norm_batches, which "
                           "counts after validation has chosen, got '{}' in "
                           "\"{}\"; rows of one value each share a training",
                           word, item));
  }
  return {key, values};
}

Variant ReadVariant(const Config& config, const std::string& item) {
  std::istringstream words(item);
  Variant row;
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
  std::set<std::string> keys;
  for (std::string word; words >> word;) {
    const auto [key, values] = ReadWord(config, item, word);
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

// What a candidate trains with; UsageError where its values are refused.
Config CandidateOf(const Config& config, const std::string& method,
                   const std::vector<std::string>& overrides) {
  Config own = config;
  try {
    if (!overrides.empty()) own = ReloadConfig(config, overrides);
  } catch (const UsageError& error) {
    ThrowAtKey(config, kVariants,
               std::string("expected what --set takes; ") + error.what());
  }
  own.run.dir.clear();
  own.sweep = {};
  own.tasks.methods = {method};
  own.tasks.variants.clear();
  own.tasks.seeds = 1;
  own.tasks.resume = true;
  return own;
}

// Rates of what the method does not train are the defaults'. Not so for the
// hash of a training, which has had them since results were first kept.
Config WithoutIdleRates(const Config& training) {
  Config own = training;
  const TasksOptions plain;
  const MethodRow& method = FindMethod(own.tasks.methods.front());
  const auto idle = [&](nn::Role role) {
    return !MayTrain(training, method, role);
  };
  if (idle(nn::Role::kMaskScore)) own.tasks.lr_mask = plain.lr_mask;
  if (idle(nn::Role::kMaskFactor)) own.tasks.lr_scale = plain.lr_scale;
  if (idle(nn::Role::kMaskWeight)) own.tasks.lr_weights = plain.lr_weights;
  return own;
}

// Validation cannot choose among values that change nothing.
void CheckCandidates(const Config& config, const CompareRow& row) {
  std::map<std::string, std::string> values;  // by hash
  for (const CompareCandidate& candidate : row.candidates) {
    const auto [first, is_new] =
        values.emplace(HashOfTraining(WithoutIdleRates(candidate.config), ""),
                       candidate.values);
    if (is_new) continue;
    ThrowAtKey(config, kVariants,
               fmt::format("expected values that change a training, got {} and "
                           "{} in \"{}\", which do not",
                           first->second, candidate.values, row.label));
  }
}

// The config without the keys that learning a task does not read.
Config OnlyRead(const Config& training) {
  Config own = training;
  own.adapt = {};
  own.eval = {};
  own.train = {};
  own.train.dtype = training.train.dtype;
  // Of calibrating the backbone.
  own.train.batch = training.train.batch;
  own.train.seed = training.train.seed;
  own.train.calibration_batches = training.train.calibration_batches;
  own.tasks.store = TasksOptions().store;
  own.tasks.switches = TasksOptions().switches;
  own.hw_preset = "-";  // its keys count
  // Baselines are not trained again because XMA2's keys change.
  if (!FindMethod(own.tasks.methods.front()).selects) own.tasks.pes = {};
  if (!HasTeacher(own)) {
    const TasksOptions plain;
    own.tasks.teacher_lr = plain.teacher_lr;
    own.tasks.teacher_share = plain.teacher_share;
    own.tasks.teacher_temperature = plain.teacher_temperature;
  }
  return own;
}

}  // namespace

std::string FirstTaskHash(nn::Model* model) {
  std::vector<nn::NamedParameter> weights;
  for (const auto& p : model->Parameters()) {
    if (p.role != nn::Role::kAdcRange) weights.push_back(p);
  }
  std::vector<nn::NamedBuffer> measured;
  for (const auto& b : model->Buffers()) {
    if (b.name.find(".crossbar.") == std::string::npos) measured.push_back(b);
  }
  return HashWeights(weights, measured);
}

std::vector<CompareRow> CompareRows(const Config& config) {
  std::vector<Variant> variants;
  for (const std::string& method : config.tasks.methods) {
    variants.push_back({method, method});
  }
  for (const std::string& item : config.tasks.variants) {
    variants.push_back(ReadVariant(config, item));
  }
  std::set<std::string> labels;
  std::vector<CompareRow> rows;
  for (const Variant& variant : variants) {
    if (!labels.insert(variant.label).second) {
      const bool of_methods = rows.size() < config.tasks.methods.size();
      ThrowAtKey(config, of_methods ? "tasks.methods" : kVariants,
                 "expected each row once, got '" + variant.label + "' twice");
    }
    rows.push_back({variant.label, variant.method, {}});
    for (const auto& [overrides, values] : variant.candidates) {
      rows.back().candidates.push_back(
          {CandidateOf(config, variant.method, overrides), values});
    }
    CheckCandidates(config, rows.back());
  }
  return rows;
}

std::string HashOfTraining(const Config& training,
                           const std::string& first_task_hash) {
  const Config own = OnlyRead(training);
  std::string text =
      ChangedKeys(own) + first_task_hash + " " + std::to_string(kVersion);
  if (!(own.device == hw::DeviceSpec{})) {
    text += " " + std::to_string(kChipVersion);
    if (!hw::SlicingOf(own.hw).whole()) {
      text += " apart " + std::to_string(kApartVersion);
    }
  }
  if (own.tasks.pes.select == "gates") {
    text += " " + std::to_string(kGatesVersion);
  }
  if (own.tasks.pes.pe_rows > 0 && own.tasks.pes.select_rounds > 1) {
    text += " " + std::to_string(kRowsVersion);
  }
  Fnv1a hash;
  hash.Add(text.data(), text.size());
  return hash.Hex();
}

}  // namespace ohm::train
