// Tasks on one backbone: that nothing of it is lost, what its methods' limits
// are, and what they write and count.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/check.h"
#include "nn/crossbar_policy.h"
#include "tests/train/scratch_folder.h"
#include "tests/train/small_tasks.h"
#include "train/commands/command.h"
#include "train/compare/rows.h"
#include "train/tasks/accounting.h"
#include "train/tasks/method.h"
#include "train/tasks/selection.h"
#include "train/tasks/task_state.h"

namespace ohm::test {
namespace {

using train::Config;
using train::ScratchFolder;

std::vector<std::string> AllMethods() {
  std::vector<std::string> names;
  for (const auto& row : train::MethodTable()) names.emplace_back(row.name);
  return names;
}

TEST_CASE("tasks keep the backbone and the first task bit for bit") {
  const ScratchFolder scratch;
  Config config = SmallTasks(scratch.path());
  config.tasks.methods = AllMethods();
  // Fails where a logit of the first task changes.
  train::RunTasksCompare(config);

  // Every task file switches a fresh model to its task and back.
  LeftBackbone left(config);
  nn::Model* model = left.model.get();
  const auto first = train::CaptureTask(model, "");
  const auto cells = train::CellsOf(model);
  const Tensor before = left.Logits();
  const auto size = train::SizeOfBackbone(model);
  std::set<std::string> seen;
  for (const auto& entry : std::filesystem::directory_iterator(
           std::filesystem::path(config.run.dir) / "tasks")) {
    INFO("file ", entry.path().string());
    const auto state = train::LoadTask(entry.path(), left.hash);
    seen.insert(state.mask);
    train::ApplyTask(model, state);
    const Tensor once = left.Logits();
    CHECK_FALSE(BitEqual(once, before));
    const auto there = train::CostOfSwitch(cells, train::CellsOf(model));
    const bool columns_only = state.mask.empty() || state.mask == "xbm" ||
                              state.mask == "xma" || state.mask == "scale";
    if (columns_only) CHECK(there == hw::WriteCost{});
    if (state.mask == "full") CHECK(there.cells > 0);
    if (state.mask == "xma2" || state.mask == "xst") {
      CHECK(there.cells > 0);
      CHECK(double(there.cells) <=
            config.tasks.pes.budget * double(size.cells));
    }
    train::ApplyTask(model, first);
    CHECK(train::CostOfSwitch(cells, train::CellsOf(model)) == hw::WriteCost{});
    CHECK(BitEqual(left.Logits(), before));
    train::ApplyTask(model, state);
    CHECK(BitEqual(left.Logits(), once));
    CHECK_THROWS_AS(train::LoadTask(entry.path(), "0123456789abcdef"), Error);
  }
  CHECK(seen.size() == AllMethods().size() - 1);  // head and bn have no mask
}

// The limits of docs/masks.md, through training and all: the same logits.
TEST_CASE("methods that are limits of others train to the same network") {
  const ScratchFolder scratch;
  const Config config = SmallTasks(
      scratch.path(),
      {"tasks.lr_mask=0.01", "tasks.pe_columns=1", "tasks.methods=full,xma,xbm",
       "tasks.variants=[\"xma2 tasks.budget=1\", \"xma2 tasks.budget=0\", "
       "\"xma tasks.shift_min=0 tasks.shift_max=0\"]"});
  train::RunTasksCompare(config);
  LeftBackbone left(config);
  nn::Model* model = left.model.get();
  std::map<std::string, Tensor> logits;  // by row
  const auto folder = std::filesystem::path(config.run.dir);
  for (const auto& [row, json] : ComparedRows(config)) {
    train::ApplyTask(
        model,
        train::LoadTask(folder / "tasks" / json.at("file").get<std::string>(),
                        left.hash));
    logits[row] = left.Logits();
  }
  CHECK(logits.size() == 6);
  CHECK(BitEqual(logits.at("xma2 tasks.budget=1"), logits.at("full")));
  CHECK(BitEqual(logits.at("xma2 tasks.budget=0"), logits.at("xma")));
  CHECK(BitEqual(logits.at("xma tasks.shift_min=0 tasks.shift_max=0"),
                 logits.at("xbm")));
  CHECK_FALSE(BitEqual(logits.at("xma"), logits.at("xbm")));
  CHECK_FALSE(BitEqual(logits.at("full"), logits.at("xma")));
}

TEST_CASE("rates of a task fall as tasks.schedule says") {
  const ScratchFolder scratch;
  const std::string step = "bn tasks.schedule=step tasks.step_every=";
  const Config config = SmallTasks(
      scratch.path(), {"tasks.methods=bn", "train.epochs=1", "tasks.length=6s",
                       "tasks.validate_every=6s",
                       "tasks.variants=[\"bn tasks.schedule=constant\", \"" +
                           step + "100s\", \"" + step + "2s\"]"});
  train::RunTasksCompare(config);
  LeftBackbone left(config);
  std::map<std::string, Tensor> logits;  // by row
  for (const auto& [row, json] : ComparedRows(config)) {
    train::ApplyTask(
        left.model.get(),
        train::LoadTask(std::filesystem::path(config.run.dir) / "tasks" /
                            json.at("file").get<std::string>(),
                        left.hash));
    logits[row] = left.Logits();
  }
  const Tensor& constant = logits.at("bn tasks.schedule=constant");
  CHECK(BitEqual(logits.at(step + "100s"), constant));
  CHECK_FALSE(BitEqual(logits.at(step + "2s"), constant));
  CHECK_FALSE(BitEqual(logits.at("bn"), constant));
}

TEST_CASE("PEs must be chosen before the end of a task") {
  const ScratchFolder scratch;
  CHECK_THROWS_WITH_AS(
      train::RunTasksCompare(SmallTasks(
          scratch.path(), {"tasks.methods=xma2", "tasks.length=4s",
                           "tasks.select_length=4s", "train.epochs=1"})),
      doctest::Contains("tasks.select_length: expected less than the 4 steps"),
      UsageError);
  // Before anything is trained.
  CHECK_FALSE(
      std::filesystem::exists(scratch.path() / "run/weights.safetensors"));
}

TEST_CASE("batch norm and heads count only where they are a task's own") {
  const ScratchFolder scratch;
  const Config config =
      SmallTasks(scratch.path(),
                 {"tasks.methods=head,bn", "train.epochs=1", "tasks.length=4s",
                  "tasks.variants=[\"xma tasks.norm=frozen\", \"xma "
                  "tasks.norm=statistics\", \"full\", \"piggyback\"]"});
  train::RunTasksCompare(config);
  const auto rows = ComparedRows(config);
  const auto bytes = [&](const std::string& row, const char* key) {
    return rows.at(row).at(key).get<int64_t>();
  };
  const int64_t norm = bytes("bn", "norm_bytes");
  CHECK(norm > 0);
  CHECK(bytes("head", "norm_bytes") == 0);
  CHECK(bytes("xma tasks.norm=frozen", "norm_bytes") == 0);
  CHECK(bytes("xma tasks.norm=statistics", "norm_bytes") == norm / 2);
  CHECK(bytes("full", "norm_bytes") == norm);
  LeftBackbone left(config);
  const train::BackboneSize size = train::SizeOfBackbone(left.model.get());
  int64_t weights = 0;
  for (const auto& leaf : nn::CrossbarLeaves(left.model.get())) {
    if (!left.model->IsHead(leaf.path + ".weight")) {
      weights += leaf.layer->weight().value().count();
    }
  }
  CHECK(size.weights == weights);
  CHECK(size.bytes() == weights);  // 8 bits each
  CHECK(bytes("piggyback", "mask_bytes") == (weights + 7) / 8);
  CHECK(rows.at("full").at("mask").at("weights").at("bytes") == weights);
  CHECK(bytes("full", "mask_bytes") == 0);
}

TEST_CASE("every rule of choice, in rounds, keeps to the budget and uses it") {
  const ScratchFolder scratch;
  std::string variants;
  for (const train::SelectorRow& row : train::SelectorTable()) {
    const bool gates = std::string(row.name) == "gates";  // chosen in one round
    variants += (variants.empty() ? "" : ", ") +
                fmt::format("\"xma2 tasks.select={}{}\"", row.name,
                            gates ? " tasks.select_rounds=1" : "");
  }
  variants += ", \"xma2 tasks.pe_rows=2\"";
  const Config config = SmallTasks(
      scratch.path(),
      {"tasks.methods=[]", "train.epochs=1", "tasks.length=12s",
       "tasks.validate_every=12s", "tasks.select_length=9s",
       "tasks.select_rounds=3", "tasks.pe_columns=1", "tasks.budget=0.3",
       "tasks.factors=scale", "tasks.variants=[" + variants + "]"});
  train::RunTasksCompare(config);
  LeftBackbone left(config);
  const auto all = double(train::SizeOfBackbone(left.model.get()).weights);
  const auto rows = ComparedRows(config);
  CHECK(rows.size() == train::SelectorTable().size() + 1);
  for (const auto& [row, json] : rows) {
    CAPTURE(row);
    const auto count =
        json.at("mask").at("weights").at("entries").get<int64_t>();
    CHECK(double(count) <= 0.3 * all);
    CHECK(double(count) > 0.28 * all);  // no PE that would fit is left out
  }
}

TEST_CASE("one cell of each pair: as many weights again for the same cells") {
  const ScratchFolder scratch;
  const Config config = SmallTasks(
      scratch.path(),
      {"tasks.methods=[]", "train.epochs=1", "tasks.length=12s",
       "tasks.validate_every=12s", "tasks.select_length=3s",
       "tasks.pe_columns=1", "tasks.budget=0.2", "tasks.lr_weights=0.1",
       "tasks.rewrite=cell", "tasks.variants=[\"xma2\"]"});
  train::RunTasksCompare(config);
  LeftBackbone left(config);
  const train::BackboneSize size = train::SizeOfBackbone(left.model.get());
  const auto json = ComparedRows(config).at("xma2");
  const double share =
      json.at("mask").at("weights").at("entries").get<double>() /
      double(size.weights);
  CHECK(share <= 0.4);
  CHECK(share > 0.37);
  const double written =
      json.at("cells_written").get<double>() / double(size.cells);
  CHECK(written <= 0.2);
  CHECK(written > 0.1);  // rates that move most weights
}

TEST_CASE("a task asks for images to choose its moment by") {
  const ScratchFolder scratch;
  CHECK_THROWS_WITH_AS(
      train::RunTasksCompare(
          SmallTasks(scratch.path(), {"tasks.methods=bn", "data.validation=0",
                                      "tasks.length=4s", "train.epochs=1"})),
      doctest::Contains("data.validation: expected images"), Error);
}

TEST_CASE("keys of PEs count for methods that rewrite some, and no other") {
  const ScratchFolder scratch;
  const auto hashes = [&](const std::string& key) {
    const Config config = SmallTasks(
        scratch.path(),
        {"tasks.methods=[bn, xma, full]", "tasks.variants=[\"xma2\"]", key});
    std::map<std::string, std::string> of;
    for (const auto& row : train::CompareRows(config)) {
      of[row.label] =
          train::HashOfTraining(row.candidates.front().config, "start");
    }
    return of;
  };
  const auto before = hashes("tasks.budget=0.05");
  for (const char* key : {"tasks.budget=0.1", "tasks.rewrite=cell",
                          "tasks.pe_columns=1", "tasks.factors=scale",
                          "tasks.select=random", "tasks.select_length=3s"}) {
    CAPTURE(key);
    const auto after = hashes(key);
    for (const char* row : {"bn", "xma", "full"}) {
      CHECK(after.at(row) == before.at(row));
    }
    CHECK(after.at("xma2") != before.at("xma2"));
  }
  CHECK(hashes("tasks.lr_norm=0.1").at("bn") != before.at("bn"));
}

}  // namespace
}  // namespace ohm::test
