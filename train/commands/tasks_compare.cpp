#include <fmt/format.h>

#include <cmath>
#include <map>

#include "core/base/check.h"
#include "train/commands/command.h"
#include "train/compare/log.h"
#include "train/compare/report.h"
#include "train/compare/rows.h"
#include "train/evaluate.h"
#include "train/experiment.h"
#include "train/progress.h"
#include "train/table_print.h"
#include "train/tasks/backbone.h"
#include "train/trainers/task.h"

namespace ohm::train {
namespace {

constexpr const char* kLog = "compare.jsonl";

class Comparison {
 public:
  Comparison(const Config& config, std::vector<CompareRow> rows,
             const RunFolder& folder)
      : rows_(std::move(rows)),
        folder_(folder),
        backbone_(MakeBackbone(config, folder)),
        model_(backbone_.model.get()),
        hash_(BackboneHash(model_)),
        first_(CaptureTask(model_, "")),
        cells_(CellsOf(model_)),
        log_(folder.path() / kLog) {
    std::filesystem::create_directories(folder.path() / "tasks");
  }

  Metrics Run() {
    auto test = TestStream(backbone_.config, backbone_.data);
    const Tensor before = Logits(model_, &test);
    RunAll();
    ApplyTask(model_, first_);
    const bool unchanged = BitEqual(before, Logits(model_, &test));
    const Metrics metrics = Report(before.size(0), unchanged);
    OHM_CHECK(unchanged, "internal: the first task's outputs changed");
    return metrics;
  }

 private:
  const TasksOptions& options() const { return backbone_.config.tasks; }

  // Seed by seed, so that a stopped comparison has whole tables of few seeds.
  void RunAll() {
    for (int64_t s = 0; s < options().seeds; ++s) {
      for (const std::string& set : options().sets) {
        for (size_t row = 0; row < rows_.size(); ++row) {
          if (s == 0) Choose(row, set);
          Test(row, set, options().seed + s);
        }
      }
    }
  }

  struct Training {
    Config config;
    std::string hash, set;
    size_t row;
    int64_t seed;
  };

  Training TrainingOf(size_t row, size_t candidate, const std::string& set,
                      int64_t seed) const {
    Training t{
        ConfigOfTraining(backbone_.config, rows_[row], candidate, set, seed),
        "", set, row, seed};
    t.hash = HashOfTraining(t.config, hash_);
    return t;
  }

  std::filesystem::path FileOf(const Training& t) const {
    return folder_.path() / "tasks" /
           fmt::format("{}-{}-{}-{}.safetensors", t.set, rows_[t.row].method,
                       t.seed, t.hash.substr(0, 8));
  }

  const datasets::OpenedDataset& DataOf(const std::string& set) {
    auto found = data_.find(set);
    if (found == data_.end()) {
      found = data_.emplace(set, OpenData(backbone_.config, set)).first;
    }
    return found->second;
  }

  // Trains what there is to choose among with the first seed; the best on
  // validation images is the row's for this set.
  void Choose(size_t row, const std::string& set) {
    size_t& chosen = chosen_[{row, set}];
    const size_t candidates = rows_[row].candidates.size();
    if (candidates == 1) return;
    double best = -1;
    for (size_t c = 0; c < candidates; ++c) {
      const Training t = TrainingOf(row, c, set, options().seed);
      if (log_.Find(t.hash) == nullptr) Train(t);
      const double validation = log_.Find(t.hash)->validation;
      if (validation > best) chosen = c;
      best = std::max(best, validation);
    }
  }

  void Test(size_t row, const std::string& set, int64_t seed) {
    const Training t = TrainingOf(row, chosen_.at({row, set}), set, seed);
    const CompareResult* known = log_.Find(t.hash);
    const bool lost = known != nullptr && std::isnan(known->test) &&
                      !std::filesystem::exists(FileOf(t));
    if (known == nullptr || lost) Train(t);
    CompareResult result = *log_.Find(t.hash);
    if (std::isnan(result.test)) {
      const TaskState state = LoadTask(FileOf(t), hash_);
      result.test = TestTask(t.config, DataOf(set), state, model_).top1;
      Append(t, result);
    }
    results_[{row, set}].push_back(result);
  }

  void Train(const Training& t) {
    const TaskResult trained =
        TrainTask(t.config, t.set, DataOf(t.set),
                  FindMethod(rows_[t.row].method), first_, model_, folder_);
    ApplyTask(model_, trained.state);
    OHM_CHECK(BackboneHash(model_) == hash_,
              "internal: the backbone's weights changed in task '" + t.set +
                  "', " + rows_[t.row].label);
    CompareResult result;
    result.validation = trained.validation;
    result.steps = trained.steps;
    result.seconds = trained.seconds;
    result.images = trained.images;
    result.size = SizeOf(model_, trained.state);
    result.writes = CostOfSwitch(cells_, CellsOf(model_));
    SaveTask(FileOf(t), trained.state, hash_);
    Append(t, result);
  }

  void Append(const Training& t, const CompareResult& result) {
    log_.Append({{"set", t.set},
                 {"row", rows_[t.row].label},
                 {"seed", t.seed},
                 {"file", FileOf(t).filename().string()}},
                t.hash, result);
    if (std::isnan(result.test)) return;
    fmt::print("{} {}, seed {}: {} % of the test images, {}\n", t.set,
               rows_[t.row].label, t.seed, FormatPercent(result.test),
               FormatSeconds(result.seconds));
    std::fflush(stdout);
  }

  std::vector<RowResults> AllResults() const {
    std::vector<RowResults> all;
    for (size_t row = 0; row < rows_.size(); ++row) {
      all.push_back({rows_[row].label, {}});
      for (const std::string& set : options().sets) {
        all.back().of_set.push_back(results_.at({row, set}));
      }
    }
    return all;
  }

  Metrics Report(int64_t images, bool unchanged) const {
    const auto rows = AllResults();
    const BackboneSize size = SizeOfBackbone(model_);
    WritePlot("cells.svg", AccuracyOverCells(size, rows));
    WritePlot("bytes.svg", AccuracyOverBytes(rows));
    const std::string text = fmt::format(
        "{}: {} % digital, {} % on crossbars\n\n{}\n{}\nfirst task, all {} "
        "test images' logits: {}\n",
        backbone_.config.data.set, FormatPercent(backbone_.digital_top1),
        FormatPercent(backbone_.crossbar_top1),
        AccuracyTable(options().sets, rows), AccountingTable(size, rows),
        images, unchanged ? "unchanged bit for bit" : "CHANGED");
    fmt::print("\n{}left in {}\n", text, folder_.path().string());
    return ToMetrics(rows, size, unchanged);
  }

  // Nothing where no row has a place on its axes.
  void WritePlot(const char* name, const Plot& plot) const {
    if (plot.series.empty()) return;
    WriteSvg(folder_.path() / name, plot);
  }

  Metrics ToMetrics(const std::vector<RowResults>& rows,
                    const BackboneSize& size, bool unchanged) const {
    Metrics metrics{{"command", std::string("tasks compare")},
                    {"backbone_digital_top1", backbone_.digital_top1},
                    {"backbone_crossbar_top1", backbone_.crossbar_top1},
                    {"first_task_unchanged", unchanged},
                    {"piggyback_mask_bytes", size.piggyback_bytes()},
                    {"backbone_bytes", size.bytes()}};
    std::vector<Metrics> list;
    for (const RowResults& row : rows) {
      for (size_t s = 0; s < row.of_set.size(); ++s) {
        for (const CompareResult& result : row.of_set[s]) {
          list.push_back({{"row", row.label}, {"set", options().sets[s]}});
          for (auto& [key, value] : train::ToMetrics(result)) {
            list.back().emplace_back(key, value);
          }
        }
      }
    }
    metrics.emplace_back("results", ToJsonList(list));
    metrics.emplace_back("run_dir", folder_.path().string());
    return metrics;
  }

  std::vector<CompareRow> rows_;
  const RunFolder& folder_;
  Backbone backbone_;
  nn::Model* model_;
  std::string hash_;  // of the backbone's weights
  TaskState first_;
  WrittenCells cells_;  // of the first task
  CompareLog log_;
  std::map<std::string, datasets::OpenedDataset> data_;
  std::map<std::pair<size_t, std::string>, size_t> chosen_;  // candidates
  std::map<std::pair<size_t, std::string>, std::vector<CompareResult>> results_;
};

}  // namespace

Metrics RunTasksCompare(const Config& config) {
  if (config.tasks.sets.empty()) {
    ThrowAtKey(config, "tasks.sets",
               "expected at least one data set, got none");
  }
  auto rows = CompareRows(config);
  ApplyThreads(config);
  const RunFolder folder(config.run.dir);
  if (!config.tasks.resume) {
    folder.Clear();
    std::filesystem::remove(folder.path() / kLog);
  }
  folder.WriteConfig(ResolvedToml(config));
  return Comparison(config, std::move(rows), folder).Run();
}

}  // namespace ohm::train
