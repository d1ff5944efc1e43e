// Adapting a frozen backbone to a new task without touching a cell.
#pragma once

#include "datasets/table.h"
#include "nn/models/model.h"
#include "train/config.h"
#include "train/evaluate.h"
#include "train/run_folder.h"
#include "train/tasks/method.h"
#include "train/tasks/task_state.h"

namespace ohm::train {

struct TaskResult {
  std::string set, method;
  int64_t epoch = 0;      // chosen, counted from 1
  double validation = 0;  // top-1 there, share
  Score test;             // of the chosen epoch, read once
  TaskBytes bytes;
  TaskState state;  // of the chosen epoch
};

// Starts from `backbone` (a state captured on this model), gives the task a
// head of its own and trains what `method` says with the options of
// config.tasks. A share data.validation of the training images, drawn by key
// and class, is held out and chooses the epoch; the test images are read once,
// after that. The backbone's weights get no gradient. One metrics line per
// epoch goes to `folder`. Error if the loss is not finite.
TaskResult TrainTask(const Config& config, const std::string& set,
                     const datasets::OpenedDataset& data,
                     const MethodRow& method, const TaskState& backbone,
                     nn::Model* model, const RunFolder& folder);

}  // namespace ohm::train
