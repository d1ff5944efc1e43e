#include <fmt/format.h>

#include "train/commands/command.h"
#include "train/eval_report.h"
#include "train/experiment.h"
#include "train/tasks/opened_store.h"

namespace ohm::train {

// Not OpenedStore::Set: on other devices than the store's a task computes
// something else, which is what is asked for.
Metrics RunTasksEval(const Config& config, const std::string& name) {
  ApplyThreads(config);
  OpenedStore opened(config);
  const StoredTask& task = opened.store.Find(name);
  ApplyTask(opened.model.get(), opened.store.Load(name));
  const auto data = OpenData(config, task.set);
  // What is fitted to a chip sees images as the task's training did.
  Config own = config;
  own.data.crop_padding = config.tasks.crop_padding;
  own.data.flip = config.tasks.flip;
  own.train.batch = config.tasks.batch;
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
