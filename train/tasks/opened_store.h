// A task store with the network that it is about.
#pragma once

#include <memory>
#include <string>

#include "nn/models/model.h"
#include "train/config.h"
#include "train/tasks/store.h"

namespace ohm::train {

struct OpenedStore {
  // The store at config.tasks.store, where `config` is the store's own. The
  // model is set to no task yet. Error where the backbone's file is not the
  // network that the tasks belong to.
  explicit OpenedStore(const Config& config);

  // Sets the model to a task. Error where it does not compute what it computed
  // when it was added.
  void Set(const std::string& name);
  // Set, task by task; the last one stays. Error names all that are wrong.
  void CheckAll();

  TaskStore store;
  std::unique_ptr<nn::Model> model;
  int64_t image_size;
};

}  // namespace ohm::train
