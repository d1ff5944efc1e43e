#include "tests/train/small_tasks.h"

#include <sstream>

#include "core/base/file.h"
#include "train/evaluate.h"
#include "train/experiment.h"
#include "train/tasks/task_state.h"

namespace ohm::test {

using train::Config;

Config SmallTasks(const std::filesystem::path& folder,
                  const std::vector<std::string>& more) {
  std::vector<std::string> overrides{"run.dir=" + (folder / "run").string(),
                                     "data.train_count=320",
                                     "data.test_count=100",
                                     "model.width=4",
                                     "train.epochs=2",
                                     "train.batch=32",
                                     "tasks.length=2e",
                                     "tasks.select_length=1e",
                                     "tasks.lr_weights=0.1",
                                     "tasks.validate_every=2e",
                                     "tasks.batch=32",
                                     "tasks.sets=[\"textures\"]",
                                     "tasks.resume=true",
                                     "train.threads=2"};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return train::LoadConfig(OHM_SOURCE_DIR "/configs/demo.toml", overrides);
}

LeftBackbone::LeftBackbone(const Config& config)
    : data(train::OpenData(config, config.data.set)),
      test(data.test, train::MakeBatchOptions(config, data, 50, false, Key())) {
  Config loaded = config;
  loaded.model.weights =
      (std::filesystem::path(config.run.dir) / "weights.safetensors").string();
  model = train::BuildModel(loaded, data.classes);
  train::Calibrate(model.get(), &test, 2);
  hash = train::BackboneHash(model.get());
}

Tensor LeftBackbone::Logits() { return train::Logits(model.get(), &test); }

std::map<std::string, nlohmann::json> ComparedRows(const Config& config) {
  std::map<std::string, nlohmann::json> rows;
  std::istringstream lines(
      ReadFile(std::filesystem::path(config.run.dir) / "compare.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    rows[json.at("row").get<std::string>()] = json;
  }
  return rows;
}

}  // namespace ohm::test
