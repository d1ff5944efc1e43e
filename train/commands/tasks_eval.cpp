#include <fmt/format.h>

#include "core/base/check.h"
#include "datasets/fingerprint.h"
#include "nn/crossbar_policy.h"
#include "train/commands/command.h"
#include "train/eval_report.h"
#include "train/experiment.h"
#include "train/tasks/opened_store.h"

namespace ohm::train {
namespace {

// As the task was added, unless --set says otherwise now.
Config WithKeysOf(const StoredTask& task, const Config& config) {
  std::vector<std::string> keys = task.data_keys;
  keys.insert(keys.end(), config.overrides.begin(), config.overrides.end());
  return LoadConfig(config.path, keys);
}

void CheckImages(const StoredTask& task, const datasets::OpenedDataset& data,
                 nn::Model* model) {
  const int64_t outputs = model->head().weight().shape()[0];
  OHM_CHECK(
      data.classes <= outputs,  // networks may have more, as CheckClasses says
      fmt::format("task '{}' ({}): expected images of up to {} classes, got "
                  "{}; are they the data it was learned from (data.root)?",
                  task.name, task.set, outputs, data.classes));
  if (task.images.empty() || task.images == datasets::Fingerprint(data)) return;
  fmt::print(
      "note: these are not the images that '{}' was learned from, or not as "
      "many of them\n",
      task.name);
}

}  // namespace

// Not OpenedStore::Set: on other devices than the store's a task computes
// something else, which is what is asked for.
Metrics RunTasksEval(const Config& config, const std::string& name) {
  ApplyThreads(config);
  OpenedStore opened(config);
  const StoredTask& task = opened.store.Find(name);
  ApplyTask(opened.model.get(), opened.store.Load(name));
  if (config.model.recalibrate) nn::ClearCalibration(opened.model.get());
  Config own = WithKeysOf(task, config);
  const auto data = OpenData(own, task.set);
  CheckImages(task, data, opened.model.get());
  // What is fitted to a chip sees images as the task's training did; that of
  // the backbone's own task was the config's.
  if (name != opened.store.tasks().front().name) {
    own.data.crop_padding = own.tasks.crop_padding;
    own.data.flip = own.tasks.flip;
    own.train.batch = own.tasks.batch;
  }
  const std::string what =
      fmt::format("task '{}' ({}, {})", name, task.set, task.method);
  Metrics result{{"command", std::string("tasks eval")},
                 {"task", name},
                 {"set", task.set},
                 {"method", task.method}};
  const Metrics scores = ReportEval(own, what, data, opened.model.get());
  result.insert(result.end(), scores.begin(), scores.end());
  return result;
}

}  // namespace ohm::train
