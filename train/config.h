// Experiments as TOML files. Each key is declared once, in the Visit of its
// section's options (train/options, crossbar keys: hw/spec_fields.h): name,
// default, unit, range or choices, and a sentence.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hw/effects/device.h"
#include "hw/spec.h"
#include "train/options/adapt.h"
#include "train/options/data.h"
#include "train/options/eval.h"
#include "train/options/model.h"
#include "train/options/run.h"
#include "train/options/sweep.h"
#include "train/options/tasks.h"
#include "train/options/train.h"

namespace ohm::train {

// A whole experiment. Paths are relative to the working folder.
struct Config {
  DataOptions data;
  ModelOptions model;
  TrainOptions train;
  TasksOptions tasks;
  AdaptOptions adapt;
  EvalOptions eval;
  SweepOptions sweep;
  RunOptions run;
  std::string hw_preset;  // empty: no crossbar, `hw` means nothing
  hw::CrossbarSpec hw;
  hw::DeviceSpec device;  // of the crossbar's cells; ideal by default

  std::filesystem::path path;                // the file it was read from
  std::vector<std::string> overrides;        // and what it was read with
  std::map<std::string, std::string> where;  // key -> "x.toml:12", if set

  bool on_crossbar() const { return !hw_preset.empty(); }
};

// Reads `path`, then `overrides` ("section.key=value": TOML values; bare words
// are strings, and a,b is a list of strings). hw.preset names a file of hw.*
// keys, which the config's own hw.* keys override: "pytorx64" is
// hw/pytorx64.toml beside the config or in an installed configs folder; text
// with '/' or ".toml" is a path, from the config's folder or the working one.
// A config that sets every hw key needs no preset file. device.* keys belong to
// the crossbar: they need hw.preset, and a preset may have them.
// UsageError names file and line (or the override), key, what was expected and
// what came, for anything unknown, of the wrong type, out of range, or
// contradictory.
Config LoadConfig(const std::filesystem::path& path,
                  const std::vector<std::string>& overrides = {});

// Presets that hw.preset may name here: of configs/hw in the working folder and
// beside the program.
std::vector<std::string> PresetNames();

// The config read again from its file, with `more` overrides behind its own.
Config ReloadConfig(const Config& config, const std::vector<std::string>& more);

// UsageError that names where `key` was set, for what only shows later: "the
// data set has 10 classes, ...".
[[noreturn]] void ThrowAtKey(const Config& config, const std::string& key,
                             const std::string& message);

// All keys with their values; LoadConfig reads it to the same Config.
std::string ResolvedToml(const Config& config);
// The keys that change results and whose values are not the defaults, a line
// each: equal for configs that ask for the same, also in versions that know
// more keys, wherever data and weights lie and however many threads compute
// (which changes the last bits of trainings).
std::string ChangedKeys(const Config& config);

}  // namespace ohm::train
