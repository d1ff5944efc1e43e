#include "train/sweep/points.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "train/split_text.h"

namespace ohm::train {
namespace {

using Override = std::pair<std::string, std::string>;

// Of what a point measures. Counts up when the code changes it, so that results
// of other code are not taken for today's.
constexpr int kVersion = 3;

constexpr const char* kGrid = "sweep.grid";
constexpr const char* kPoints = "sweep.points";

struct GridKey {
  std::string key;
  std::vector<std::string> values;
};

// Results lie in run.dir, so it cannot change; what has no effect on a point is
// refused rather than ignored.
void CheckKey(const Config& config, const char* from, const std::string& key) {
  // Without training, calibration alone reads [train].
  const bool calibrates = key == "train.batch" || key == "train.seed" ||
                          key == "train.calibration_batches" ||
                          key == "train.threads";
  if (key.starts_with("train.") && key != "train.epochs" &&
      key != "train.resume" && !calibrates && config.sweep.epochs == 0) {
    ThrowAtKey(config, from,
               "expected keys that change a point, which " + key +
                   " does not without sweep.epochs");
  }
  const bool refused = key.starts_with("run.") || key.starts_with("sweep.") ||
                       key.starts_with("tasks.") || key == "train.epochs" ||
                       key == "train.resume" || key == "eval.chips" ||
                       key.starts_with("adapt.inject") ||
                       key == "adapt.in_loop" || key == "adapt.epochs" ||
                       key == "eval.stats_images" || key == "data.validation";
  const bool on_chips = key.starts_with("adapt.") || key == "eval.calibrate" ||
                        key == "model.recalibrate";
  if (!refused && (config.sweep.chips > 0 || !on_chips)) return;
  ThrowAtKey(
      config, from,
      "expected keys that change a point, which " + key + " does not" +
          (refused ? "" : " without sweep.chips") +
          (key == "train.epochs" ? " (sweep.epochs stands for it)" : "") +
          (key == "eval.chips" ? " (sweep.chips stands for it)" : ""));
}

// `what`: how an item looks.
Override ReadItem(const Config& config, const char* from, const char* what,
                  const std::string& item) {
  const size_t equals = item.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == item.size()) {
    ThrowAtKey(config, from,
               fmt::format("expected {}, got \"{}\"", what, item));
  }
  const Override read{item.substr(0, equals), item.substr(equals + 1)};
  CheckKey(config, from, read.first);
  return read;
}

void CheckNewKey(const Config& config, const char* from, const std::string& key,
                 std::set<std::string>* keys) {
  if (!keys->insert(key).second) {
    ThrowAtKey(config, from, "expected each key once, got " + key + " twice");
  }
}

std::vector<GridKey> ReadGrid(const Config& config) {
  constexpr const char* kWhat =
      "items such as \"hw.adc_bits=4,6,8\" (section.key=value,value,...)";
  std::vector<GridKey> grid;
  std::set<std::string> keys;
  for (const std::string& item : config.sweep.grid) {
    const auto [key, text] = ReadItem(config, kGrid, kWhat, item);
    CheckNewKey(config, kGrid, key, &keys);
    const auto values = SplitText(text, ',');
    if (text.ends_with(',') || std::ranges::count(values, "") > 0) {
      ThrowAtKey(config, kGrid,
                 fmt::format("expected {}, got an empty value in \"{}\"", kWhat,
                             item));
    }
    grid.push_back({key, values});
  }
  return grid;
}

std::vector<Override> ReadPoint(const Config& config, const std::string& item) {
  const char separator = item.find(';') == std::string::npos ? ' ' : ';';
  std::vector<Override> overrides;
  std::set<std::string> keys;
  for (const std::string& word : SplitText(item, separator)) {
    if (word.empty()) continue;
    overrides.push_back(
        ReadItem(config, kPoints,
                 "items such as \"hw.preset=pytorx64 hw.adc_bits=6\"", word));
    CheckNewKey(config, kPoints, overrides.back().first, &keys);
  }
  if (overrides.empty()) {
    ThrowAtKey(
        config, kPoints,
        "expected items of at least one key=value, got \"" + item + "\"");
  }
  return overrides;
}

std::vector<std::vector<Override>> Combinations(
    const std::vector<GridKey>& grid) {
  if (grid.empty()) return {};
  std::vector<std::vector<Override>> all = {{}};
  for (const GridKey& axis : grid) {
    std::vector<std::vector<Override>> longer;
    for (const auto& start : all) {
      for (const std::string& value : axis.values) {
        longer.push_back(start);
        longer.back().emplace_back(axis.key, value);
      }
    }
    all = std::move(longer);
  }
  return all;
}

Config PointConfig(const Config& config, const SweepPoint& point) {
  std::vector<std::string> overrides;
  for (const auto& [key, value] : point.overrides) {
    overrides.push_back(key + "=" + value);
  }
  Config own = ReloadConfig(config, overrides);
  own.run.dir.clear();
  own.sweep = {};
  own.sweep.epochs = config.sweep.epochs;
  own.eval.chips = config.sweep.chips;
  if (own.sweep.epochs > 0) {
    own.train.epochs = own.sweep.epochs;
    own.train.resume = true;
  }
  return own;
}

}  // namespace

std::string SweepPoint::Label(const std::string& left_out) const {
  std::string label;
  for (const auto& [key, value] : overrides) {
    if (key == left_out) continue;
    label += (label.empty() ? "" : " ") + key + "=" + value;
  }
  return label;
}

std::vector<SweepPoint> SweepPoints(const Config& config) {
  std::vector<SweepPoint> points;
  for (auto& overrides : Combinations(ReadGrid(config))) {
    points.push_back({std::move(overrides), true, {}});
  }
  for (const std::string& item : config.sweep.points) {
    points.push_back({ReadPoint(config, item), false, {}});
  }
  if (points.empty()) {
    ThrowAtKey(config, kGrid,
               "expected at least one item here or in sweep.points, got none");
  }
  SweepAxis(config);  // throws where it is not in the grid
  std::set<std::string> labels;
  for (SweepPoint& point : points) {
    const char* from = point.from_grid ? kGrid : kPoints;
    if (!labels.insert(point.Label()).second) {
      ThrowAtKey(config, from,
                 "expected each point once, got " + point.Label() + " twice");
    }
    try {
      point.config = PointConfig(config, point);
    } catch (const UsageError& error) {
      ThrowAtKey(config, from,
                 std::string("expected what --set takes; ") + error.what());
    }
  }
  return points;
}

std::string SweepAxis(const Config& config) {
  const auto grid = ReadGrid(config);
  const std::string& chosen = config.sweep.plot_x;
  if (chosen.empty()) return grid.empty() ? "" : grid[0].key;
  if (std::ranges::find(grid, chosen, &GridKey::key) == grid.end()) {
    ThrowAtKey(config, "sweep.plot_x",
               "expected a key of sweep.grid, got \"" + chosen + "\"");
  }
  return chosen;
}

std::string SweepPointHash(const SweepPoint& point) {
  Config own = point.config;  // with what a point reads
  own.tasks = {};
  own.data.validation = DataOptions().validation;
  own.eval.stats_images = EvalOptions().stats_images;
  const std::string text = ChangedKeys(own);
  const std::string weights = ReadFile(point.config.model.weights);
  Fnv1a hash;
  hash.Add(&kVersion, sizeof kVersion);
  hash.Add(text.data(), text.size());
  hash.Add(weights.data(), weights.size());
  return hash.Hex();
}

}  // namespace ohm::train
