#include "train/commands/command.h"
#include "train/compare/comparison.h"
#include "train/experiment.h"

namespace ohm::train {

Metrics RunTasksCompare(const Config& config) {
  if (config.tasks.sets.empty()) {
    ThrowAtKey(config, "tasks.sets",
               "expected at least one data set, got none");
  }
  auto rows = CompareRows(config);
  if (rows.empty()) {
    ThrowAtKey(config, "tasks.methods",
               "expected at least one method here or in tasks.variants, got "
               "none");
  }
  ApplyThreads(config);
  const RunFolder folder(config.run.dir);
  if (!config.tasks.resume) folder.SetAside({folder.path() / "compare.jsonl"});
  Comparison comparison(config, std::move(rows), folder);
  folder.WriteConfig(ResolvedToml(config));
  return comparison.Run();
}

}  // namespace ohm::train
