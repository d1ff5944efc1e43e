// A folder that holds one programmed backbone and the tasks learned on it:
//   config.toml            what it was made with
//   runs/                  what commands on it leave
//   backbone.safetensors   weights and converter ranges
//   store.json             the list below
//   tasks/NAME.safetensors a task each (train/tasks/task_state.h)
// The first task is the backbone's own and stays.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "train/config.h"
#include "train/tasks/task_state.h"

namespace ohm::train {

struct StoredTask {
  std::string name, set, method;
  double validation = 0, test = 0;  // top-1, shares; NaN: not known
  // Hash of the logits of the probe images (ProbeHash) when it was added.
  std::string outputs;
  // Fingerprint of the images it was learned from; empty: not known.
  std::string images;
  // "data.mean=[0,0,0]": what --set said of them when it was added.
  std::vector<std::string> data_keys;
};

// The config of the store in `path`, which may have been moved since: its files
// and run.dir are below `path`, whatever the folder was called when it was
// made. Error where there is none.
Config StoreConfig(const std::filesystem::path& path,
                   const std::vector<std::string>& overrides);

class TaskStore {
 public:
  // Error where `path` holds anything that a store would write over.
  static void CheckFree(const std::filesystem::path& path);
  // Makes the folder from a calibrated model that is set to its first task.
  // Errors as CheckFree.
  static TaskStore Create(const std::filesystem::path& path,
                          const Config& config, nn::Model* model,
                          const StoredTask& first);
  // Error, naming the path, where there is none or its list is broken.
  explicit TaskStore(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  const std::string& backbone_hash() const { return backbone_; }
  const std::vector<StoredTask>& tasks() const { return tasks_; }
  const std::string& active() const { return active_; }
  // Error with the known names where `name` is none of them.
  const StoredTask& Find(const std::string& name) const;
  TaskState Load(const std::string& name) const;
  std::filesystem::path FileOf(const std::string& name) const;

  // UsageError where the name is taken or cannot be a file's.
  void CheckNew(const std::string& name) const;
  // Files are there before the list names them and go after it has stopped to,
  // so that a stop in between loses nothing. Add: as CheckNew. Remove:
  // UsageError for the first task and for the active one. Each reads the list
  // again first, under a lock, so that what others have done to the store
  // meanwhile stays.
  void Add(StoredTask task, const TaskState& state);
  void Remove(const std::string& name);
  void SetActive(const std::string& name);

 private:
  TaskStore() = default;
  void WriteList() const;
  // Changes the list as it is now; one process at a time.
  void Change(const std::function<void()>& change);

  std::filesystem::path path_;
  std::string backbone_, active_;
  std::vector<StoredTask> tasks_;
};

// Hash of the logits that `model` gives for 64 images drawn by a fixed key:
// equal if and only if it computes the same, short of accidents. Needs no data
// set.
std::string ProbeHash(nn::Model* model, int64_t image_size);

}  // namespace ohm::train
