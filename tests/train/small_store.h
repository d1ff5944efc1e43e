// A task store for tests, by the words that people use.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/train/scratch_folder.h"
#include "train/commands/command.h"
#include "train/config.h"
#include "train/tasks/store.h"

namespace ohm::test {

// A store of a small backbone, and the configs that commands on it get.
class Store {
 public:
  explicit Store(const std::vector<std::string>& more = {}) {
    std::vector<std::string> overrides{"tasks.store=" + path().string(),
                                       Run(),
                                       "data.train_count=200",
                                       "data.test_count=60",
                                       "model.width=4",
                                       "train.epochs=1",
                                       "train.batch=32",
                                       "tasks.length=12s",
                                       "tasks.validate_every=12s",
                                       "tasks.select_length=4s",
                                       "tasks.batch=32",
                                       "tasks.lr_weights=0.1",
                                       "tasks.lr_mask=0.01",
                                       "train.threads=2"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    train::RunTasksInit(
        train::LoadConfig(OHM_SOURCE_DIR "/configs/demo.toml", overrides));
  }

  std::filesystem::path path() const { return scratch_.path() / "store"; }
  train::Config With(std::vector<std::string> overrides) const {
    overrides.push_back(Run());
    return train::StoreConfig(path(), overrides);
  }
  train::TaskStore Read() const { return train::TaskStore(path()); }

 private:
  std::string Run() const {
    return "run.dir=" + (scratch_.path() / "run").string();
  }
  train::ScratchFolder scratch_;
};

}  // namespace ohm::test
