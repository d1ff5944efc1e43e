// Tasks learned on a chip, and on ideal devices to be moved to it.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "nn/crossbar_policy.h"
#include "tests/train/scratch_folder.h"
#include "tests/train/small_tasks.h"
#include "train/commands/command.h"
#include "train/tasks/task_state.h"

namespace ohm::test {
namespace {

using train::Config;
using train::ScratchFolder;
using train::TaskState;

// Every cell off by a third: enough to move the sums of a layer for good.
constexpr const char* kChip = "device.variation=0.35";

Config OnChip(const ScratchFolder& scratch,
              const std::vector<std::string>& rows,
              std::vector<std::string> more = {}) {
  std::string variants;
  for (const auto& row : rows) {
    variants += (variants.empty() ? "\"" : ", \"") + row + "\"";
  }
  more.insert(more.begin(), {kChip, "train.epochs=4", "tasks.methods=[]",
                             "tasks.variants=[" + variants + "]"});
  return SmallTasks(scratch.path(), more);
}

TaskState StateOf(const Config& config, const nlohmann::json& row,
                  const std::string& backbone) {
  return train::LoadTask(std::filesystem::path(config.run.dir) / "tasks" /
                             row.at("file").get<std::string>(),
                         backbone);
}

// Names of the tensors that differ in a bit.
std::set<std::string> Different(const TaskState& a, const TaskState& b) {
  REQUIRE(a.tensors.size() == b.tensors.size());
  std::set<std::string> names;
  for (const auto& [name, tensor] : a.tensors) {
    if (!BitEqual(tensor, b.tensors.at(name))) names.insert(name);
  }
  return names;
}

double Distance(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.count(); ++i) {
    sum += std::pow(double(a.data()[i]) - double(b.data()[i]), 2);
  }
  return std::sqrt(sum);
}

TEST_CASE("a moved task takes the batch norm statistics of its chip") {
  const ScratchFolder scratch;
  const std::string moved = "full tasks.learn_on=ideal";
  const std::string anew = moved + " tasks.norm_batches=40";
  // Long enough for the statistics of learning to have settled.
  const Config config =
      OnChip(scratch, {"full", moved, anew},
             {"tasks.length=20e", "tasks.validate_every=20e"});
  train::RunTasksCompare(config);
  const auto rows = ComparedRows(config);
  LeftBackbone left(config);
  const auto state = [&](const std::string& row) {
    return StateOf(config, rows.at(row), left.hash);
  };
  // The same training, so nothing but statistics differs, and all of them do.
  const TaskState learned = state(moved);
  const auto changed = Different(learned, state(anew));
  CHECK_FALSE(changed.empty());
  size_t statistics = 0;
  for (const auto& [name, tensor] : learned.tensors) {
    const bool running =
        name.ends_with("running_mean") || name.ends_with("running_var");
    CAPTURE(name);
    CHECK(changed.contains(name) == running);
    statistics += running ? 1 : 0;
  }
  CHECK(statistics == changed.size());
  for (const char* key : {"validation_top1", "step", "images", "seconds"}) {
    CAPTURE(key);  // seconds to the last digit: it was not learned twice
    CHECK(rows.at(moved).at(key) == rows.at(anew).at(key));
  }
  // They are this chip's: the logits come back towards those of the devices
  // that the task was learned on.
  nn::Model* model = left.model.get();
  const auto logits = [&](const std::string& row, const hw::DeviceSpec& chip) {
    nn::PutOnChip(model, chip);
    train::ApplyTask(model, state(row));
    return left.Logits();
  };
  const Tensor ideal = logits(moved, hw::DeviceSpec());
  const double as_learned = Distance(logits(moved, config.device), ideal);
  const double fitted = Distance(logits(anew, config.device), ideal);
  CHECK(fitted < 0.7 * as_learned);
  CHECK_FALSE(Different(state("full"), learned).empty());
}

// What the last of `rows` has learned, in a comparison of them all.
TaskState LearnedLast(const std::vector<std::string>& rows,
                      const std::string& device) {
  const ScratchFolder scratch;
  const Config config = OnChip(
      scratch, rows,
      {"tasks.length=3s", "tasks.validate_every=3s", "train.epochs=1", device});
  train::RunTasksCompare(config);
  return StateOf(config, ComparedRows(config).at(rows.back()),
                 LeftBackbone(config).hash);
}

TEST_CASE("statistics set anew do not depend on other rows") {
  const std::string moved = "xma tasks.learn_on=ideal";
  const std::string row = moved + " tasks.norm_batches=2";
  const std::string noise = "device.thermal_noise=true";
  const TaskState alone = LearnedLast({row}, noise);
  CHECK(Different(alone, LearnedLast({"bn", row}, noise)).empty());
  // Nor on taking up what a row before it has learned, whatever came between.
  CHECK(Different(alone, LearnedLast({moved, row}, noise)).empty());
  CHECK(Different(alone, LearnedLast({moved, "head", row}, noise)).empty());
  CHECK_FALSE(Different(alone, LearnedLast({moved}, noise)).empty());
}

// Wires are solved every 20 steps of a training, whatever was trained before.
TEST_CASE("what is learned behind wires does not depend on other rows") {
  const std::string wires = "device.r_row=20";
  const std::string other = "full tasks.lr_weights=0.3";
  const TaskState alone = LearnedLast({"full"}, wires);
  CHECK(Different(alone, LearnedLast({other, "full"}, wires)).empty());
  CHECK_FALSE(Different(alone, LearnedLast({other}, wires)).empty());
}

TEST_CASE("the backbone's batch norm is not set anew") {
  const ScratchFolder scratch;
  const std::string plain = "xma tasks.learn_on=ideal tasks.norm=frozen";
  const auto with = [&](const std::vector<std::string>& rows) {
    return OnChip(
        scratch, rows,
        {"tasks.length=3s", "tasks.validate_every=3s", "train.epochs=1"});
  };
  // Two calls, as when a comparison goes on: a model fresh from its file lets
  // batch norm follow.
  train::RunTasksCompare(with({plain}));
  const Config config = with({plain, plain + " tasks.norm_batches=4"});
  train::RunTasksCompare(config);
  const auto rows = ComparedRows(config);
  const LeftBackbone left(config);
  CHECK(Different(StateOf(config, rows.at(plain), left.hash),
                  StateOf(config, rows.at(plain + " tasks.norm_batches=4"),
                          left.hash))
            .empty());
}

}  // namespace
}  // namespace ohm::test
