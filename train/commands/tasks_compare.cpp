#include <algorithm>

#include "train/commands/command.h"
#include "train/compare/comparison.h"
#include "train/experiment.h"
#include "train/tasks/backbone.h"

namespace ohm::train {

Metrics RunTasksCompare(const Config& config) {
  if (config.tasks.sets.empty()) {
    ThrowAtKey(config, "tasks.sets",
               "expected at least one data set, got none");
  }
  CheckBackbone(config);
  auto sets = config.tasks.sets;
  std::ranges::sort(sets);
  const auto twice = std::ranges::adjacent_find(sets);
  if (twice != sets.end()) {
    ThrowAtKey(config, "tasks.sets",
               "expected each data set once, got '" + *twice + "' twice");
  }
  auto rows = CompareRows(config);
  if (rows.empty()) {
    ThrowAtKey(config, "tasks.methods",
               "expected at least one method here or in tasks.variants, got "
               "none");
  }
  if (!config.tasks.resume) CheckWeightsStay(config, config.run.dir);
  ApplyThreads(config);
  const RunFolder folder(config.run.dir);
  const FolderLock lock = folder.Lock();
  // Weights there may be those of a backbone that it has trained itself.
  std::error_code code;
  const bool brings = std::filesystem::exists(config.model.weights, code);
  const bool own =
      HasOwnBackbone(folder) &&
      std::filesystem::equivalent(config.model.weights, folder.weights(), code);
  if (brings && !own) folder.CheckNoTraining();
  Comparison comparison(config, std::move(rows), folder);
  folder.WriteConfig(ResolvedToml(config));
  return comparison.Run();
}

}  // namespace ohm::train
