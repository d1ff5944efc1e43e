// A comparison of tasks that takes seconds, and what it leaves.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "datasets/batch_stream.h"
#include "datasets/table.h"
#include "nn/models/model.h"
#include "train/config.h"

namespace ohm::test {

// The demo with a narrow ResNet and a few procedural images; its run.dir is
// below `folder`.
train::Config SmallTasks(const std::filesystem::path& folder,
                         const std::vector<std::string>& more = {});

// The backbone that a comparison has left in run.dir, and test images.
struct LeftBackbone {
  explicit LeftBackbone(const train::Config& config);
  Tensor Logits();

  datasets::OpenedDataset data;
  datasets::BatchStream test;
  std::unique_ptr<nn::Model> model;
  std::string hash;
};

// The last line of each row in compare.jsonl of run.dir.
std::map<std::string, nlohmann::json> ComparedRows(const train::Config& config);

}  // namespace ohm::test
