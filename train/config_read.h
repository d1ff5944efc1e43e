// Between TOML and config rows: internal to train/config.cpp. toml++ stays in
// config_read.cpp, it is slow to compile.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "train/config_keys.h"

namespace ohm::train {

struct TomlValue;  // a toml++ node

// One key that a file or a --set gives.
struct ConfigEntry {
  std::string key;    // "train.epochs"
  std::string where;  // "configs/x.toml:12" or "--set train.epochs=3"
  std::shared_ptr<const TomlValue> value;  // null: only bare text
  std::string bare;                        // right side of a --set
  bool from_set = false;
};

// Entries of a TOML file by line. `names`: all known keys. UsageError if the
// file cannot be read, is not TOML, or has an unknown section.
std::vector<ConfigEntry> ReadEntries(const std::filesystem::path& path,
                                     const std::vector<std::string>& names);

// "train.epochs=3"; UsageError if it has no '=' or no key.
ConfigEntry ReadOverride(const std::string& text);

// Stores the value in the row's field; UsageError unless it is of the row's
// type, range and choices.
void SetField(const ConfigEntry& entry, const KeyRow& row);

// "x.toml:3: unknown key 'train.epoch'; did you mean 'train.epochs'?"
[[noreturn]] void ThrowUnknownKey(const std::string& where,
                                  const std::string& key,
                                  const std::vector<std::string>& names);

}  // namespace ohm::train
