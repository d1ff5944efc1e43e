// The folder a run leaves behind: resolved config, metrics, checkpoints.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/file.h"

namespace ohm::train {

// JSON that is there already, as a list of objects or numbers.
struct JsonText {
  std::string text;
};

// One JSON object; numbers that are not finite become null.
using MetricValue = std::variant<bool, int64_t, double, std::string, JsonText>;
using Metrics = std::vector<std::pair<std::string, MetricValue>>;

// On one line, keys in the given order, without line break.
std::string ToJson(const Metrics& metrics);
// A list of objects, as a value of another one.
JsonText ToJsonList(const std::vector<Metrics>& list);
JsonText ToJsonList(const std::vector<double>& list);

// Appends one line to a file of JSON lines, in one write: readers never see
// half of it. Error names the folder, the file and the reason.
void AppendJsonLine(const std::filesystem::path& path, const Metrics& metrics);

// The whole lines of a file of JSON lines, none where there is no file. A last
// line cut short is removed from the file.
std::vector<std::string> WholeLines(const std::filesystem::path& path);

// What makes a folder a task store (train/tasks/store.h).
inline constexpr const char* kTaskStoreList = "store.json";
// What the weights of a folder were trained from, where they are the backbone
// of its own tasks (train/tasks/backbone.h).
inline constexpr const char* kBackboneKeys = "backbone.keys";

// Results of sweeps and of comparisons.
inline constexpr const char* kSweepLog = "sweep.jsonl";
inline constexpr const char* kCompareLog = "compare.jsonl";

class RunFolder {
 public:
  // Creates the folder and its parents and makes sure that files can be
  // written there, so that a long run does not fail at its first checkpoint.
  // Error names the folder and the reason; a task store, whose files have the
  // same names, is one.
  explicit RunFolder(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.toml"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path weights() const {
    return path_ / "weights.safetensors";
  }
  std::filesystem::path state() const { return path_ / "state.safetensors"; }

  // For whoever writes results here, as long as it does: Error where another
  // run does, in this process or any other.
  FolderLock Lock() const {
    return FolderLock(path_, FolderLock::Busy::kRefuse);
  }

  void WriteConfig(const std::string& toml) const;

  // For runs that train nothing into this folder itself: Error where a training
  // has left weights or a state, whose config theirs would replace.
  void CheckNoTraining() const;
  // For trainings: Error where nothing but a sweep or a comparison has left
  // results, whose config theirs would replace.
  void CheckNoTables() const;

  void AppendMetrics(const Metrics& metrics) const;

  // For a fresh run: moves metrics, weights, state and kBackboneKeys of an
  // earlier one into the folder's earlier-1, or the next number that is free,
  // with a copy of its config, so that no training is lost, nor the metrics of
  // one that left nothing else. Says on standard output where they went.
  // `more`: further files of the folder that hold results.
  void SetAside(const std::vector<std::filesystem::path>& more = {}) const;
  // For a resumed run: drops metrics lines with an "epoch" after `epoch` and a
  // last line cut short, so that the epochs done again are listed once.
  void KeepMetricsUpTo(int64_t epoch) const;

 private:
  std::filesystem::path path_;
};

}  // namespace ohm::train
