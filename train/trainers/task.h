// Adapting a programmed backbone to a new task.
#pragma once

#include "core/base/check.h"
#include "datasets/table.h"
#include "nn/models/model.h"
#include "train/config.h"
#include "train/evaluate.h"
#include "train/run_folder.h"
#include "train/tasks/method.h"
#include "train/tasks/task_state.h"

namespace ohm::train {

struct TaskResult {
  int64_t steps = 0;      // of the moment that was chosen
  double validation = 0;  // top-1 there, share
  double seconds = 0;     // of training, without validation
  int64_t images = 0;     // seen in them
  TaskState state;        // of that moment
};

// The loss or a weight is no number any more.
class TrainingFailed : public Error {
 public:
  using Error::Error;
};

// That of a task whose teacher's training failed so.
TrainingFailed TeacherFailed(const TrainingFailed& error);

// UsageError that names the key where config.tasks cannot train `set` by the
// method: fewer images than a batch, none to choose the moment by, PEs that are
// not chosen before the end; Error where this machine has no train.dtype. Takes
// milliseconds.
void CheckTask(const Config& config, const std::string& set,
               const datasets::OpenedDataset& data, const MethodRow& method);

// Starts from `backbone` (a state captured on this model), gives the task a
// head of its own and trains what `method` says with the options of
// config.tasks. A share data.validation of the training images, drawn by key
// and class, is held out and chooses the moment; of methods that choose PEs
// only moments after the choice count. Test images are not read. The backbone's
// own weights get no gradient. With tasks.learn_on = ideal the model is taken
// off its chip, and put on it again afterwards, where SetStatistics follows;
// `validation` stays what it was while learning. Metrics lines go to `folder`,
// with `what` in them, for whoever trains more than once on `set`. The model is
// left with what was trained last. TrainingFailed where it
// diverges; requires what CheckTask checks. `teacher`, where tasks.teacher asks
// for one: what the training of TeacherConfig has left; null: that comes first.
TaskResult TrainTask(const Config& config, const std::string& set,
                     const datasets::OpenedDataset& data,
                     const MethodRow& method, const TaskState& backbone,
                     nn::Model* model, const RunFolder& folder,
                     const Metrics& what = {},
                     const TaskState* teacher = nullptr);

// Sets the batch norm statistics of a learned task anew, where they are the
// task's own: on the chip that the model is on, from tasks.norm_batches of the
// training images that it was learned from; 0: changes nothing. `config`, `set`
// and `method` are those of the training, whose call this may repeat later.
void SetStatistics(const Config& config, const std::string& set,
                   const datasets::OpenedDataset& data, const MethodRow& method,
                   nn::Model* model, TaskState* state);

// Sets `model` to the task and reads the test images once.
Score TestTask(const Config& config, const datasets::OpenedDataset& data,
               const TaskState& state, nn::Model* model);

}  // namespace ohm::train
