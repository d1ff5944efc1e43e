#include <fmt/format.h>

#include "core/base/check.h"
#include "train/commands/command.h"
#include "train/experiment.h"
#include "train/progress.h"
#include "train/table_print.h"
#include "train/trainers/backbone.h"
#include "train/trainers/task.h"

namespace ohm::train {
namespace {

using Align = TableColumn::Align;

struct Backbone {
  datasets::OpenedDataset data;
  std::unique_ptr<nn::Model> model;  // on crossbars, calibrated
  double digital_top1 = 0;
  double crossbar_top1 = 0;
};

datasets::BatchStream TestStream(const Config& config,
                                 const datasets::OpenedDataset& data) {
  return {data.test,
          MakeBatchOptions(config, data, config.eval.batch, false, Key())};
}

void CheckConfig(const Config& config) {
  if (!config.on_crossbar()) {
    ThrowAtKey(config, "hw.preset",
               "expected a preset, because tasks adapt a network that sits on "
               "crossbars, got none");
  }
  if (config.tasks.sets.empty()) {
    ThrowAtKey(config, "tasks.sets",
               "expected at least one data set, got none");
  }
}

// Trains the backbone digitally where the config names no weights; returns the
// config that names them.
Config WithWeights(const Config& config, const datasets::OpenedDataset& data,
                   const RunFolder& folder) {
  Config with = config;
  if (!with.model.weights.empty()) return with;
  fmt::print("training {} on {} digitally\n", config.model.name,
             config.data.set);
  const auto model = BuildDigitalModel(config, data.classes);
  TrainBackbone(config, data, model.get(), folder);
  with.model.weights = folder.weights().string();
  return with;
}

Backbone MakeBackbone(const Config& given, const RunFolder& folder) {
  Backbone backbone;
  backbone.data = OpenData(given, given.data.set);
  const Config config = WithWeights(given, backbone.data, folder);
  const auto digital = BuildDigitalModel(config, backbone.data.classes);
  auto test = TestStream(config, backbone.data);
  backbone.digital_top1 = Evaluate(digital.get(), &test).top1;
  backbone.model = BuildModel(config, backbone.data.classes);
  CalibrateIfNeeded(config, backbone.data, backbone.model.get());
  backbone.crossbar_top1 = Evaluate(backbone.model.get(), &test).top1;
  fmt::print("backbone on {}: {} % digital, {} % on crossbars\n",
             config.data.set, FormatPercent(backbone.digital_top1),
             FormatPercent(backbone.crossbar_top1));
  return backbone;
}

std::string ResultTable(const Config& config, const Backbone& backbone,
                        const std::vector<TaskResult>& results) {
  TextTable table({{"task", "", Align::kLeft},
                   {"method", "", Align::kLeft},
                   {"top-1", "%"},
                   {"columns off", "%"},
                   {"mask", "B"},
                   {"batch norm", "B"},
                   {"head", "B"},
                   {"cells written", ""}});
  table.AddRow({config.data.set, "digital",
                FormatPercent(backbone.digital_top1), "", "", "", "", ""});
  table.AddRow({config.data.set, "on crossbars",
                FormatPercent(backbone.crossbar_top1), "", "", "", "", "all"});
  std::string last;
  for (const TaskResult& r : results) {
    if (r.set != last) table.AddRule();
    last = r.set;
    const bool masked = r.bytes.mask_entries > 0;
    table.AddRow({r.set, r.method, FormatPercent(r.test.top1),
                  masked ? FormatPercent(double(r.bytes.mask_off) /
                                         double(r.bytes.mask_entries))
                         : "",
                  std::to_string(r.bytes.mask), std::to_string(r.bytes.norm),
                  std::to_string(r.bytes.head), "0"});
  }
  return table.str();
}

std::string MaskSentence(int64_t piggyback,
                         const std::vector<TaskResult>& results) {
  for (const TaskResult& r : results) {
    if (r.bytes.mask == 0) continue;
    return fmt::format(
        "column mask: {} bits in {} bytes; Piggyback's mask over the same "
        "convolutions (1 bit per weight): {} bytes, so {:.2f} % of it\n",
        r.bytes.mask_entries, r.bytes.mask, piggyback,
        100.0 * double(r.bytes.mask) / double(piggyback));
  }
  return "";
}

// Runs every task and saves it; the model ends set to the last one.
std::vector<TaskResult> RunAll(const Config& config, const TaskState& first,
                               nn::Model* model, const RunFolder& folder) {
  const std::string hash = BackboneHash(model);
  std::filesystem::create_directories(folder.path() / "tasks");
  std::vector<TaskResult> results;
  for (const std::string& set : config.tasks.sets) {
    const auto data = OpenData(config, set);
    for (const std::string& method : config.tasks.methods) {
      TaskResult result = TrainTask(config, set, data, FindMethod(method),
                                    first, model, folder);
      OHM_CHECK(BackboneHash(model) == hash,
                "internal: the backbone's weights changed in task '" + set +
                    "', method " + method);
      SaveTask(folder.path() / "tasks" / (set + "-" + method + ".safetensors"),
               result.state, hash);
      folder.AppendMetrics({{"task", set},
                            {"method", method},
                            {"chosen_epoch", result.epoch},
                            {"test_top1", result.test.top1},
                            {"mask_bytes", result.bytes.mask}});
      results.push_back(std::move(result));
    }
  }
  return results;
}

Metrics ToMetrics(const Backbone& backbone,
                  const std::vector<TaskResult>& results, int64_t piggyback,
                  bool unchanged, const RunFolder& folder) {
  Metrics metrics{{"command", std::string("tasks")},
                  {"backbone_digital_top1", backbone.digital_top1},
                  {"backbone_crossbar_top1", backbone.crossbar_top1},
                  {"first_task_unchanged", unchanged},
                  {"piggyback_mask_bytes", piggyback}};
  for (const TaskResult& r : results) {
    metrics.emplace_back(r.set + "_" + r.method + "_top1", r.test.top1);
    if (r.bytes.mask > 0) {
      metrics.emplace_back(r.set + "_" + r.method + "_mask_bytes",
                           r.bytes.mask);
    }
  }
  metrics.emplace_back("run_dir", folder.path().string());
  return metrics;
}

}  // namespace

Metrics RunTasks(const Config& config) {
  CheckConfig(config);
  ApplyThreads(config);
  const RunFolder folder(config.run.dir);
  folder.Clear();
  folder.WriteConfig(ResolvedToml(config));
  Backbone backbone = MakeBackbone(config, folder);
  nn::Model* model = backbone.model.get();
  auto test = TestStream(config, backbone.data);

  const TaskState first = CaptureTask(model, "");
  const Tensor before = Logits(model, &test);
  const auto results = RunAll(config, first, model, folder);
  ApplyTask(model, first);
  const bool unchanged = BitEqual(before, Logits(model, &test));

  const int64_t piggyback = PiggybackBytes(model);
  fmt::print("\n{}\n{}first task, all {} test images' logits: {}\nleft in {}\n",
             ResultTable(config, backbone, results),
             MaskSentence(piggyback, results), before.size(0),
             unchanged ? "unchanged bit for bit" : "CHANGED",
             folder.path().string());
  OHM_CHECK(unchanged, "internal: the first task's outputs changed");
  const Metrics metrics =
      ToMetrics(backbone, results, piggyback, unchanged, folder);
  folder.AppendMetrics(metrics);
  return metrics;
}

}  // namespace ohm::train
