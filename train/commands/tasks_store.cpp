#include <fmt/format.h>

#include <cmath>

#include "core/base/check.h"
#include "datasets/fingerprint.h"
#include "train/commands/command.h"
#include "train/experiment.h"
#include "train/table_print.h"
#include "train/tasks/backbone.h"
#include "train/tasks/export.h"
#include "train/tasks/opened_store.h"
#include "train/trainers/task.h"

namespace ohm::train {
namespace {

std::string CostText(const hw::WriteCost& cost) {
  return fmt::format("{} cells in {} rows of {} arrays", cost.cells, cost.rows,
                     cost.arrays);
}

// The accounting of one task, a line per term.
std::string SizeTable(const TaskSize& size, const BackboneSize& backbone) {
  TextTable table({{"term", "", TableColumn::Align::kLeft},
                   {"entries"},
                   {"bits each"},
                   {"bytes", "B"},
                   {"of the weights", "%"},
                   {"of Piggyback's mask", "%"}});
  const auto row = [&](const std::string& term, const std::string& entries,
                       const std::string& bits, int64_t bytes) {
    table.AddRow(
        {term, entries, bits, std::to_string(bytes),
         FormatPercent(double(bytes) / double(backbone.bytes())),
         FormatPercent(double(bytes) / double(backbone.piggyback_bytes()))});
  };
  for (const auto& [kind, term] : size.mask) {
    const std::string what =
        kind == "weights" ? "new weights" : "mask of " + kind;
    row(what, std::to_string(term.entries), std::to_string(term.bits_each),
        term.bytes());
  }
  row("batch norm", "", "", size.norm_bytes);
  row("head", "", "", size.head_bytes);
  row("converter ranges", "", "", size.range_bytes);
  return table.str() +
         fmt::format(
             "the backbone's layers but the head: {} weights of {} bits, {} B; "
             "Piggyback's binary mask over them: {} B\n",
             backbone.weights, backbone.bits_each, backbone.bytes(),
             backbone.piggyback_bytes());
}

// A run's files have the names of a store's.
void CheckRunElsewhere(const Config& config) {
  namespace fs = std::filesystem;
  if (fs::weakly_canonical(config.run.dir) !=
      fs::weakly_canonical(config.tasks.store)) {
    return;
  }
  ThrowAtKey(config, "run.dir",
             "expected another folder than that of the store, got \"" +
                 config.run.dir + "\"");
}

// Keys of --set that say what images a task was learned from, and how batches
// of them are made: 'tasks eval' needs them again.
std::vector<std::string> DataKeys(const Config& config) {
  std::vector<std::string> keys;
  for (const std::string& text : config.overrides) {
    const std::string key = text.substr(0, text.find('='));
    if (key.starts_with("data.") || key == "tasks.batch" ||
        key == "tasks.crop_padding" || key == "tasks.flip") {
      keys.push_back(text);
    }
  }
  return keys;
}

// False where the task's file is missing or broken, which is said: a store
// whose task in use is lost can still be switched to another.
bool CanBeSet(OpenedStore* opened, const std::string& name) {
  try {
    opened->Set(name);
    return true;
  } catch (const Error& error) {
    fmt::print(stderr, "ohmgrad: {}\n", error.what());
    return false;
  }
}

// What set and method the words ask for.
struct Wanted {
  std::string set;
  const MethodRow* method;
};

Wanted WhatToAdd(const Config& config, const std::string& name) {
  if (config.tasks.methods.size() != 1) {
    throw UsageError(
        "tasks add: expected one --method, as 'ohmgrad list' names them");
  }
  const auto& sets = config.tasks.sets;
  if (sets.size() > 1) {
    throw UsageError("tasks add: expected one --data");
  }
  return {sets.empty() ? name : sets[0], &FindMethod(config.tasks.methods[0])};
}

}  // namespace

Metrics RunTasksInit(const Config& config) {
  TaskStore::CheckFree(config.tasks.store);
  CheckRunElsewhere(config);
  const RunFolder probe(config.tasks.store);  // before an hour of training
  ApplyThreads(config);
  const RunFolder folder(config.run.dir);
  const FolderLock lock = folder.Lock();
  Backbone backbone = MakeBackbone(config, folder);
  nn::Model* model = backbone.model.get();
  Config own = backbone.config;
  own.model.classes = int(model->head().weight().shape()[0]);
  own.tasks.sets.clear();
  own.tasks.methods.clear();
  own.tasks.variants.clear();
  const auto store =
      TaskStore::Create(config.tasks.store, own, model,
                        {.name = config.data.set,
                         .set = config.data.set,
                         .method = "backbone",
                         .validation = std::nan(""),
                         .test = backbone.crossbar_top1,
                         .outputs = ProbeHash(model, config.data.image_size),
                         .images = datasets::Fingerprint(backbone.data),
                         .data_keys = {}});
  fmt::print("'{}' holds the backbone {} and its task '{}'\n",
             store.path().string(), store.backbone_hash(), store.active());
  return {{"command", std::string("tasks init")},
          {"store", store.path().string()},
          {"backbone", store.backbone_hash()},
          {"test_top1", backbone.crossbar_top1}};
}

Metrics RunTasksAdd(const Config& config, const std::string& name) {
  const Wanted wanted = WhatToAdd(config, name);
  ApplyThreads(config);
  OpenedStore opened(config);
  opened.store.CheckNew(name);
  nn::Model* model = opened.model.get();
  const std::string first = opened.store.tasks().front().name;
  opened.CheckAll();
  opened.Set(first);
  const WrittenCells cells = CellsOf(model);
  const auto data = OpenData(config, wanted.set);
  const RunFolder folder(config.run.dir);
  const TaskState backbone = opened.store.Load(first);
  const TaskResult result = TrainTask(config, wanted.set, data, *wanted.method,
                                      backbone, model, folder);
  const double test = TestTask(config, data, result.state, model).top1;
  opened.store.Add({.name = name,
                    .set = wanted.set,
                    .method = wanted.method->name,
                    .validation = result.validation,
                    .test = test,
                    .outputs = ProbeHash(model, opened.image_size),
                    .images = datasets::Fingerprint(data),
                    .data_keys = DataKeys(config)},
                   result.state);
  const auto cost = CostOfSwitch(cells, CellsOf(model));
  const TaskSize size = SizeOf(model, result.state, backbone);
  opened.CheckAll();  // the new one as well, from its file
  fmt::print(
      "task '{}' ({}, {}): {} % of the validation images, {} % of the test "
      "images\n\n{}\nwritten from the backbone, and back: {}\n{} other tasks: "
      "outputs unchanged bit for bit\n",
      name, wanted.set, wanted.method->name, FormatPercent(result.validation),
      FormatPercent(test), SizeTable(size, SizeOfBackbone(model)),
      CostText(cost), opened.store.tasks().size() - 1);
  return {{"command", std::string("tasks add")},  {"task", name},
          {"validation_top1", result.validation}, {"test_top1", test},
          {"mask_bytes", size.mask_bytes()},      {"bytes", size.bytes()},
          {"cells_written", cost.cells},          {"rows_written", cost.rows},
          {"arrays_written", cost.arrays}};
}

Metrics RunTasksSwitch(const Config& config, const std::string& name) {
  ApplyThreads(config);
  OpenedStore opened(config);
  opened.store.Find(name);
  const std::string from = opened.store.active();
  if (from != name && !CanBeSet(&opened, from)) {
    opened.Set(name);
    opened.store.SetActive(name);
    fmt::print(
        "to '{}'; what the chip holds of '{}' is not known, so every cell has "
        "to be written; outputs as when it was added, bit for bit\n",
        name, from);
    return {
        {"command", std::string("tasks switch")}, {"from", from}, {"to", name}};
  }
  opened.Set(from);
  const WrittenCells cells = CellsOf(opened.model.get());
  opened.Set(name);
  const auto cost = CostOfSwitch(cells, CellsOf(opened.model.get()));
  const int64_t bytes =
      name == from ? 0
                   : BytesOfSwitch(opened.model.get(), opened.store.Load(from),
                                   opened.store.Load(name), cost);
  opened.store.SetActive(name);
  fmt::print(
      "from '{}' to '{}': {} to write, {} B to move; outputs as when it was "
      "added, bit for bit\n",
      from, name, CostText(cost), bytes);
  return {{"command", std::string("tasks switch")},
          {"from", from},
          {"to", name},
          {"cells_written", cost.cells},
          {"rows_written", cost.rows},
          {"arrays_written", cost.arrays},
          {"bytes", bytes}};
}

Metrics RunTasksRemove(const Config& config, const std::string& name) {
  TaskStore store(config.tasks.store);
  store.Remove(name);
  fmt::print("'{}' no longer holds task '{}'\n", store.path().string(), name);
  return {{"command", std::string("tasks remove")}, {"task", name}};
}

Metrics RunTasksList(const Config& config, const std::string& /*name*/) {
  ApplyThreads(config);
  OpenedStore opened(config);
  nn::Model* model = opened.model.get();
  opened.Set(opened.store.tasks().front().name);
  const WrittenCells cells = CellsOf(model);
  const TaskState backbone = opened.store.Load(opened.store.tasks()[0].name);
  TextTable table({{"task", "", TableColumn::Align::kLeft},
                   {"data", "", TableColumn::Align::kLeft},
                   {"method", "", TableColumn::Align::kLeft},
                   {"in use", "", TableColumn::Align::kLeft},
                   {"test top-1", "%"},
                   {"mask", "B"},
                   {"new weights", "B"},
                   {"batch norm", "B"},
                   {"head", "B"},
                   {"cells to write"}});
  std::vector<Metrics> list;
  for (const StoredTask& task : opened.store.tasks()) {
    opened.Set(task.name);
    const TaskSize size = SizeOf(model, opened.store.Load(task.name), backbone);
    const auto cost = CostOfSwitch(cells, CellsOf(model));
    const bool in_use = task.name == opened.store.active();
    table.AddRow({task.name, task.set, task.method, in_use ? "yes" : "",
                  std::isfinite(task.test) ? FormatPercent(task.test) : "",
                  std::to_string(size.mask_bytes()),
                  std::to_string(size.Term("weights").bytes()),
                  std::to_string(size.norm_bytes),
                  std::to_string(size.head_bytes), std::to_string(cost.cells)});
    list.push_back({{"task", task.name},
                    {"set", task.set},
                    {"method", task.method},
                    {"active", in_use},
                    {"test_top1", task.test},
                    {"mask_bytes", size.mask_bytes()},
                    {"bytes", size.bytes()},
                    {"cells_written", cost.cells}});
  }
  fmt::print("{}", table.str());
  return {{"command", std::string("tasks list")},
          {"store", opened.store.path().string()},
          {"tasks", ToJsonList(list)}};
}

Metrics RunTasksExport(const Config& config, const std::string& name) {
  ApplyThreads(config);
  OpenedStore opened(config);
  opened.Set(opened.store.active());
  const WrittenCells cells = CellsOf(opened.model.get());
  opened.Set(name);
  const std::filesystem::path folder = config.run.dir;
  const auto cost = ExportTask(opened.model.get(), cells, folder);
  fmt::print(
      "cells.csv, columns.csv and complements.csv in '{}': from '{}' to '{}' "
      "{}\n",
      folder.string(), opened.store.active(), name, CostText(cost));
  return {{"command", std::string("tasks export")},
          {"task", name},
          {"cells_written", cost.cells},
          {"run_dir", folder.string()}};
}

}  // namespace ohm::train
