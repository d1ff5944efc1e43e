#include "train/config.h"

#include <algorithm>
#include <set>

#include "core/base/check.h"
#include "core/base/table.h"
#include "datasets/table.h"
#include "nn/models/model.h"
#include "train/config_keys.h"
#include "train/config_read.h"
#include "train/tasks/method.h"
#include "train/tasks/selection.h"

namespace ohm::train {
namespace {

namespace fs = std::filesystem;

const std::string kPresetKey = "hw.preset";

bool IsHwKey(const std::string& key) {
  return key.starts_with("hw.") && key != kPresetKey;
}

// Keys that mean nothing without a crossbar, and that presets may have.
bool IsCrossbarKey(const std::string& key) {
  return IsHwKey(key) || key.starts_with("device.");
}

// Installed beside the program, or a source tree the program was built in.
std::vector<fs::path> ProgramPresetFolders() {
  std::vector<fs::path> folders;
  std::error_code code;
  const fs::path program = fs::read_symlink("/proc/self/exe", code);
  if (code) return folders;
  for (fs::path up = program.parent_path(); up != up.root_path();
       up = up.parent_path()) {
    folders.push_back(up / "share" / "ohmgrad" / "configs" / "hw");
    folders.push_back(up / "configs" / "hw");
  }
  return folders;
}

fs::path FindPreset(const Config& config) {
  const std::string& preset = config.hw_preset;
  const fs::path beside = config.path.parent_path();
  std::vector<fs::path> candidates;
  if (preset.find('/') != std::string::npos || preset.ends_with(".toml")) {
    candidates = {beside / preset, preset};
  } else {
    std::vector<fs::path> folders = {beside / "hw", "configs/hw"};
    std::ranges::copy(ProgramPresetFolders(), std::back_inserter(folders));
    for (const fs::path& folder : folders) {
      candidates.push_back(folder / (preset + ".toml"));
    }
  }
  for (const fs::path& candidate : candidates) {
    std::error_code code;
    if (fs::is_regular_file(candidate, code)) return candidate;
  }
  ThrowAtKey(config, kPresetKey,
             "expected the name of a crossbar file such as \"" +
                 candidates.front().string() +
                 "\", which does not exist, got " + QuoteToml(preset));
}

class Loader {
 public:
  Loader(const fs::path& path, Config* config)
      : config_(config), rows_(KeyRows(config)), names_(NamesOf(rows_)) {
    config->path = path;
  }

  void Load(const std::vector<std::string>& overrides) {
    std::vector<ConfigEntry> entries = ReadEntries(config_->path, names_);
    for (const std::string& text : overrides) {
      entries.push_back(ReadOverride(text));
    }
    bool other_preset = false;
    for (const ConfigEntry& entry : entries) {
      if (entry.key != kPresetKey) continue;
      const std::string before = config_->hw_preset;
      Apply(entry);
      other_preset |= entry.from_set && config_->hw_preset != before;
    }
    if (other_preset) LeavePreset(&entries);
    ApplyPreset(entries);
    for (const ConfigEntry& entry : entries) Apply(entry);
  }

 private:
  static bool FromFile(const ConfigEntry& entry) { return !entry.from_set; }

  // All hw keys in a file are what a run has resolved: those of its preset and
  // no wishes of their own. Another preset by --set stands in for them, and
  // none for all of the crossbar.
  void LeavePreset(std::vector<ConfigEntry>* entries) {
    std::set<std::string> own, preset;
    for (const ConfigEntry& entry : *entries) {
      if (FromFile(entry)) own.insert(entry.key);
    }
    if (!HasAllHwKeys(own)) return;
    const bool mapped = config_->on_crossbar();
    if (mapped) {
      for (const auto& entry : ReadEntries(FindPreset(*config_), names_)) {
        preset.insert(entry.key);
      }
    }
    std::erase_if(*entries, [&](const ConfigEntry& entry) {
      const bool other =
          mapped ? preset.contains(entry.key) : IsCrossbarKey(entry.key);
      return FromFile(entry) && (IsHwKey(entry.key) || other);
    });
  }

  bool HasAllHwKeys(const std::set<std::string>& keys) const {
    return std::ranges::all_of(names_, [&](const auto& name) {
      return !IsHwKey(name) || keys.contains(name);
    });
  }

  void ApplyPreset(const std::vector<ConfigEntry>& entries) {
    std::set<std::string> own;
    for (const ConfigEntry& entry : entries) {
      if (!IsCrossbarKey(entry.key)) continue;
      if (!config_->on_crossbar()) {
        throw UsageError(entry.where + ": " + entry.key +
                         ": expected hw.preset to be set as well; without it "
                         "nothing is mapped onto a crossbar");
      }
      own.insert(entry.key);
    }
    if (!config_->on_crossbar() || HasAllHwKeys(own)) return;
    for (const ConfigEntry& entry : ReadEntries(FindPreset(*config_), names_)) {
      if (!IsCrossbarKey(entry.key)) {
        throw UsageError(entry.where + ": " + entry.key +
                         ": expected only hw and device keys other than "
                         "hw.preset in a crossbar preset");
      }
      Apply(entry);
    }
  }

  void Apply(const ConfigEntry& entry) {
    const auto it = std::ranges::find(rows_, entry.key, &KeyRow::name);
    if (it == rows_.end()) ThrowUnknownKey(entry.where, entry.key, names_);
    SetField(entry, *it);
    config_->where[entry.key] = entry.where;
  }

  Config* config_;
  std::vector<KeyRow> rows_;
  std::vector<std::string> names_;
};

void CheckDataAndTrain(const Config& config) {
  const DataOptions& data = config.data;
  for (const auto& [key, list] :
       {std::pair{"data.mean", &data.mean}, std::pair{"data.std", &data.std}}) {
    if (!list->empty() && list->size() != 3) {
      ThrowAtKey(config, key,
                 "expected 3 numbers (red, green, blue) or none, got " +
                     std::to_string(list->size()));
    }
  }
  if (data.mean.empty() != data.std.empty()) {
    ThrowAtKey(config, data.mean.empty() ? "data.std" : "data.mean",
               "expected data.mean and data.std together, got one of them");
  }
  if (data.crop_padding >= data.image_size) {
    ThrowAtKey(config, "data.crop_padding",
               "expected less than data.image_size, which is " +
                   std::to_string(data.image_size) + ", got " +
                   std::to_string(data.crop_padding));
  }
  const OptimizerOptions& optimizer = config.train.optimizer_options;
  if (optimizer.nesterov && optimizer.momentum == 0) {
    ThrowAtKey(config, "train.nesterov",
               "expected train.momentum above 0 with it, got 0");
  }
  if (config.train.schedule == "onecycle" && config.train.warmup.count > 0) {
    ThrowAtKey(config, "train.warmup",
               "expected \"0e\" with schedule onecycle, which has its own "
               "warm-up, got \"" +
                   config.train.warmup.str() + "\"");
  }
}

void CheckAdapt(const Config& config) {
  const AdaptOptions& adapt = config.adapt;
  if (adapt.inject != hw::FitPer::kNone && adapt.in_loop) {
    ThrowAtKey(config, "adapt.inject",
               "expected none with adapt.in_loop, for what is injected stands "
               "for the devices that the loop has; got both");
  }
  if (adapt.inject != hw::FitPer::kNone && adapt.epochs == 0) {
    ThrowAtKey(config, "adapt.inject",
               "expected adapt.epochs above 0 with it, for what is injected "
               "takes part in training; got 0");
  }
  if (adapt.in_loop && adapt.epochs == 0) {
    ThrowAtKey(config, "adapt.in_loop",
               "expected adapt.epochs above 0 with it, for the loop is that of "
               "training; got 0");
  }
  for (const auto& [key, per] : {std::pair{"adapt.inject", adapt.inject},
                                 std::pair{"adapt.gain", adapt.gain}}) {
    if (per == hw::FitPer::kNone || !config.on_crossbar()) continue;
    if (config.hw.adc_per != hw::AdcPer::kOutput) {
      ThrowAtKey(config, key,
                 "expected none where slices are converted apart (hw.adc_per), "
                 "for their sums have no one shift");
    }
  }
  const bool fits = adapt.gain != hw::FitPer::kNone || adapt.norm_batches > 0;
  if (fits && config.eval.calibrate == ChipRanges::kOnce) {
    ThrowAtKey(config, "eval.calibrate",
               "expected \"each\" with adapt.gain or adapt.norm_batches, which "
               "are fitted on each chip; got \"once\"");
  }
}

void CheckTasks(const Config& config) {
  if (config.tasks.crop_padding >= config.data.image_size) {
    ThrowAtKey(config, "tasks.crop_padding",
               "expected less than data.image_size, which is " +
                   std::to_string(config.data.image_size) + ", got " +
                   std::to_string(config.tasks.crop_padding));
  }
  if (!config.on_crossbar() || config.hw.weight_bits != 0) return;
  if (config.tasks.pes.rewrite == "cell") {
    ThrowAtKey(config, "tasks.rewrite",
               "expected \"pair\" with ideal weights (hw.weight_bits = 0), "
               "which have no range that one cell could reach; got \"cell\"");
  }
}

void CheckHw(const Config& config) {
  if (!config.on_crossbar()) return;
  try {
    hw::CheckSpec(config.hw);
    hw::CheckDevice(config.device);
    hw::CheckOnChip(config.hw, config.device);
  } catch (const Error& error) {
    const std::string what = error.what();  // "hw.rows: expected ..."
    const size_t colon = what.find(": ");
    if (colon == std::string::npos) ThrowAtKey(config, kPresetKey, what);
    ThrowAtKey(config, what.substr(0, colon), what.substr(colon + 2));
  }
}

// Class folders have no name of their own but where they lie.
bool UsesFolder(const Config& config) {
  return config.data.set == "folder" ||
         std::ranges::count(config.tasks.sets, "folder") > 0;
}

}  // namespace

std::vector<std::string> ModelNames() { return NamesOf(nn::ModelTable()); }
std::vector<std::string> DatasetNames() { return NamesOf(datasets::Table()); }
std::vector<std::string> MethodNames() { return NamesOf(MethodTable()); }
std::vector<std::string> SelectorNames() { return NamesOf(SelectorTable()); }

ScheduleSpec TrainOptions::Schedule(int64_t steps_per_epoch,
                                    int64_t total_steps) const {
  return {.kind = schedule,
          .lr = lr,
          .total_steps = total_steps,
          .warmup_steps = warmup.Steps(steps_per_epoch),
          .final_lr_ratio = final_lr_ratio,
          .step_every = std::max<int64_t>(1, step_every.Steps(steps_per_epoch)),
          .step_factor = step_factor,
          .pct_start = onecycle_pct_start,
          .div = onecycle_div,
          .final_div = onecycle_final_div};
}

Config LoadConfig(const fs::path& path,
                  const std::vector<std::string>& overrides) {
  Config config;
  config.overrides = overrides;
  Loader(path, &config).Load(overrides);
  CheckDataAndTrain(config);
  CheckAdapt(config);
  CheckTasks(config);
  CheckHw(config);
  if (config.run.dir.empty()) {
    config.run.dir = (fs::path("runs") / path.stem()).string();
  }
  return config;
}

Config ReloadConfig(const Config& config,
                    const std::vector<std::string>& more) {
  std::vector<std::string> overrides = config.overrides;
  std::ranges::copy(more, std::back_inserter(overrides));
  return LoadConfig(config.path, overrides);
}

void ThrowAtKey(const Config& config, const std::string& key,
                const std::string& message) {
  const auto it = config.where.find(key);
  const std::string where =
      it == config.where.end() ? config.path.string() : it->second;
  throw UsageError(where + ": " + key + ": " + message);
}

std::string ResolvedToml(const Config& config) {
  Config copy = config;
  std::string text;
  std::string section;
  for (const KeyRow& row : KeyRows(&copy)) {
    if (IsCrossbarKey(row.name) && !config.on_crossbar()) continue;
    const size_t dot = row.name.find('.');
    if (row.name.substr(0, dot) != section) {
      section = row.name.substr(0, dot);
      text += (text.empty() ? "[" : "\n[") + section + "]\n";
    }
    text += row.name.substr(dot + 1) + " = " + ValueText(row) + "\n";
  }
  return text;
}

std::string ChangedKeys(const Config& config) {
  Config copy = config, standard;
  // Neither where published files lie nor how they are read change a result;
  // threads change the order in which gradients' floats are added up, and no
  // more.
  copy.model.weights.clear();
  if (!UsesFolder(config)) copy.data.root.clear();
  copy.data.workers = standard.data.workers;
  copy.data.memory_mib = standard.data.memory_mib;
  copy.train.threads = standard.train.threads;
  const auto rows = KeyRows(&copy), defaults = KeyRows(&standard);
  std::string text;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (IsCrossbarKey(rows[i].name) && !config.on_crossbar()) continue;
    const std::string value = ValueText(rows[i]);
    if (value == ValueText(defaults[i])) continue;
    text += rows[i].name + " = " + value + "\n";
  }
  return text;
}

std::vector<std::string> PresetNames() {
  std::vector<fs::path> folders = ProgramPresetFolders();
  folders.insert(folders.begin(), "configs/hw");
  std::set<std::string> names;
  for (const fs::path& folder : folders) {
    std::error_code code;
    for (fs::directory_iterator at(folder, code), end; !code && at != end;
         at.increment(code)) {
      if (at->path().extension() == ".toml") names.insert(at->path().stem());
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace ohm::train
