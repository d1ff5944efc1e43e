#include "train/compare/comparison.h"

#include <fmt/format.h>

#include <cmath>

#include "core/base/check.h"
#include "core/base/file.h"
#include "datasets/fingerprint.h"
#include "train/evaluate.h"
#include "train/experiment.h"
#include "train/progress.h"
#include "train/table_print.h"
#include "train/tasks/teacher.h"

namespace ohm::train {

namespace {

// The sets of the new tasks, on which every row can train.
std::map<std::string, datasets::OpenedDataset> OpenChecked(
    const Config& config, const std::vector<CompareRow>& rows) {
  std::map<std::string, datasets::OpenedDataset> data;
  for (const std::string& set : config.tasks.sets) {
    data.emplace(set, OpenData(config, set));
    for (const CompareRow& row : rows) {
      for (const CompareCandidate& candidate : row.candidates) {
        CheckTask(candidate.config, set, data.at(set), FindMethod(row.method));
      }
    }
  }
  return data;
}

std::map<std::string, std::string> FingerprintsOf(
    const std::map<std::string, datasets::OpenedDataset>& data) {
  std::map<std::string, std::string> fingerprints;
  for (const auto& [set, opened] : data) {
    fingerprints[set] = datasets::Fingerprint(opened);
  }
  return fingerprints;
}

// A comparison that cannot start moves nothing.
Backbone FreshBackbone(const Config& config, const RunFolder& folder) {
  return MakeBackbone(config, folder, [&] {
    if (!config.tasks.resume) {
      std::vector<std::filesystem::path> results;
      for (const char* name : {kCompareLog, "tasks", "tables.txt", "cells.svg",
                               "cells.gp", "bytes.svg", "bytes.gp"}) {
        results.push_back(folder.path() / name);
      }
      folder.SetAside(results);
    }
  });
}

}  // namespace

Comparison::Comparison(const Config& config, std::vector<CompareRow> rows,
                       const RunFolder& folder)
    : rows_(std::move(rows)),
      folder_(folder),
      data_(OpenChecked(config, rows_)),
      fingerprints_(FingerprintsOf(data_)),
      backbone_(FreshBackbone(config, folder)),
      model_(backbone_.model.get()),
      hash_(BackboneHash(model_)),
      first_hash_(FirstTaskHash(model_) + backbone_.own_ranges),
      first_(CaptureTask(model_, "")),
      cells_(CellsOf(model_)),
      first_data_(backbone_.own_ranges.empty()
                      ? datasets::Fingerprint(backbone_.data)
                      : ""),
      log_(folder.path() / kCompareLog, fingerprints_, first_data_) {
  std::filesystem::create_directories(folder.path() / "tasks");
}

Metrics Comparison::Run() {
  auto test = TestStream(backbone_.config, backbone_.data);
  const Tensor before = Logits(model_, &test);
  // Seed by seed, so that a stopped comparison has whole tables of few seeds.
  for (int64_t s = 0; s < options().seeds; ++s) {
    RunSeed(options().seed + s);
    WriteReport();
  }
  ApplyTask(model_, first_);
  const bool unchanged = BitEqual(before, Logits(model_, &test));
  const auto rows = AllResults();
  fmt::print("\n{}first task, all {} test images' logits: {}\nleft in {}\n",
             Tables(rows), before.size(0),
             unchanged ? "unchanged bit for bit" : "CHANGED",
             folder_.path().string());
  OHM_CHECK(unchanged, "internal: the first task's outputs changed");
  if (!missing_.empty()) {
    ThrowError(fmt::format("{} results are missing; the first: {}",
                           missing_.size(), missing_.front()));
  }
  return ToMetrics(rows);
}

void Comparison::RunSeed(int64_t seed) {
  for (const std::string& set : options().sets) {
    for (size_t row = 0; row < rows_.size(); ++row) {
      if (seed == options().seed) Choose(row, set);
      Test(row, set, seed);
    }
  }
}

Comparison::Training Comparison::TrainingOf(size_t row, size_t candidate,
                                            const std::string& set,
                                            int64_t seed) const {
  const auto& [config, values] = rows_[row].candidates[candidate];
  Training t{config, rows_[row].label, rows_[row].method, values, "", set,
             seed};
  t.config.model.weights = backbone_.config.model.weights;
  t.config.tasks.sets = {set};
  t.config.tasks.seed = seed;
  t.hash = HashOfTraining(t.config, first_hash_);
  return t;
}

std::filesystem::path Comparison::FileOf(const Training& t) const {
  std::string name =
      fmt::format("{}-{}-{}-{}-{}", t.set, t.method, t.seed,
                  t.hash.substr(0, 8), fingerprints_.at(t.set).substr(0, 4));
  // Converters were calibrated on the first task's.
  if (!first_data_.empty()) name += "-" + first_data_.substr(0, 4);
  return folder_.path() / "tasks" / (name + ".safetensors");
}

// Trains what there is to choose among with the first seed; the best on
// validation images is the row's for this set.
void Comparison::Choose(size_t row, const std::string& set) {
  std::optional<size_t>& chosen = chosen_[{row, set}];
  const size_t candidates = rows_[row].candidates.size();
  if (candidates == 1) {
    chosen = 0;
    return;
  }
  double best = -1;
  for (size_t c = 0; c < candidates; ++c) {
    const Training t = TrainingOf(row, c, set, options().seed);
    if (log_.Find(t.hash) == nullptr && !Train(t)) continue;
    const double validation = log_.Find(t.hash)->validation;
    if (validation > best) chosen = c;
    best = std::max(best, validation);
  }
}

void Comparison::Test(size_t row, const std::string& set, int64_t seed) {
  const std::optional<size_t> chosen = chosen_.at({row, set});
  if (!chosen) {
    const Training first = TrainingOf(row, 0, set, options().seed);
    missing_.push_back(failed_.at(first.hash));
    CompareResult failed;
    failed.failed = true;
    results_[{row, set}].push_back(failed);
    return;
  }
  const Training t = TrainingOf(row, *chosen, set, seed);
  const CompareResult* known = log_.Find(t.hash);
  const bool lost = known != nullptr && std::isnan(known->test) &&
                    !std::filesystem::exists(FileOf(t));
  CompareResult result;
  if ((known == nullptr || lost) && !Train(t)) {
    result.failed = true;
    missing_.push_back(failed_.at(t.hash));
  } else {
    result = *log_.Find(t.hash);
  }
  if (!result.failed && std::isnan(result.test)) {
    const TaskState state = LoadTask(FileOf(t), hash_);
    result.test = TestTask(t.config, data_.at(set), state, model_).top1;
    Append(t, result);
  }
  results_[{row, set}].push_back(result);
}

bool Comparison::Train(const Training& t) {
  if (failed_.contains(t.hash)) return false;
  TaskResult trained;
  try {
    trained = Learn(t);
  } catch (const TrainingFailed& error) {
    failed_[t.hash] = error.what();
    fmt::print(stderr, "ohmgrad: {}, seed {}: {}\n", t.label, t.seed,
               error.what());
    return false;
  }
  ApplyTask(model_, trained.state);
  OHM_CHECK(BackboneHash(model_) == hash_,
            "internal: the backbone's weights changed in task '" + t.set +
                "', " + t.label);
  CompareResult result;
  result.validation = trained.validation;
  result.steps = trained.steps;
  result.seconds = trained.seconds;
  result.images = trained.images;
  result.size = SizeOf(model_, trained.state, first_);
  result.writes = CostOfSwitch(cells_, CellsOf(model_));
  SaveTask(FileOf(t), trained.state, hash_);
  // A teacher may be what a row has tested already, with its file lost: the
  // result stays what it was.
  const CompareResult* known = log_.Find(t.hash);
  if (known == nullptr || std::isnan(known->test)) Append(t, result);
  return true;
}

// Statistics are set anew after learning, and change nothing before: what the
// row without them has learned is taken from its file, if it is there.
TaskResult Comparison::Learn(const Training& t) {
  const MethodRow& method = FindMethod(t.method);
  Training plain = t;
  plain.config.tasks.norm_batches = 0;
  plain.hash = HashOfTraining(plain.config, first_hash_);
  const CompareResult* known = log_.Find(plain.hash);
  if (t.hash == plain.hash || known == nullptr ||
      !std::filesystem::exists(FileOf(plain))) {
    const bool taught = HasTeacher(t.config);
    const TaskState teacher = taught ? TeacherOf(t) : TaskState();
    return TrainTask(t.config, t.set, data_.at(t.set), method, first_, model_,
                     folder_, NamesOf(t), taught ? &teacher : nullptr);
  }
  TaskResult learned{.steps = known->steps,
                     .validation = known->validation,
                     .seconds = known->seconds,
                     .images = known->images,
                     .state = LoadTask(FileOf(plain), hash_)};
  SetStatistics(t.config, t.set, data_.at(t.set), method, model_,
                &learned.state);
  return learned;
}

// Rows that are taught alike have one teacher, and a row that trains the same
// has its weights from it.
TaskState Comparison::TeacherOf(const Training& t) {
  Training teacher = t;
  teacher.config = TeacherConfig(t.config);
  teacher.method = TeacherMethod(t.config).name;
  teacher.label = "teacher: " + teacher.method;
  teacher.values.clear();
  teacher.hash = HashOfTraining(teacher.config, first_hash_);
  const bool there = log_.Find(teacher.hash) != nullptr &&
                     std::filesystem::exists(FileOf(teacher));
  if (!there && !Train(teacher)) {
    throw TeacherFailed(TrainingFailed(failed_.at(teacher.hash)));
  }
  return LoadTask(FileOf(teacher), hash_);
}

Metrics Comparison::NamesOf(const Training& t) const {
  Metrics names{{"row", t.label}};
  if (!t.values.empty()) names.emplace_back("values", t.values);
  return names;
}

void Comparison::Append(const Training& t, const CompareResult& result) {
  Metrics names = NamesOf(t);
  names.emplace_back("seed", t.seed);
  names.emplace_back("file", FileOf(t).filename().string());
  log_.Append(t.set, names, t.hash, result);
  if (std::isnan(result.test)) return;
  fmt::print("{} {}, seed {}: {} % of the test images, {}\n", t.set, t.label,
             t.seed, FormatPercent(result.test), FormatSeconds(result.seconds));
  std::fflush(stdout);
}

std::vector<RowResults> Comparison::AllResults() const {
  std::vector<RowResults> all;
  for (size_t row = 0; row < rows_.size(); ++row) {
    all.push_back({rows_[row].label, {}});
    for (const std::string& set : options().sets) {
      all.back().of_set.push_back(results_.at({row, set}));
    }
  }
  return all;
}

std::string Comparison::Choices() const {
  std::string text;
  for (size_t row = 0; row < rows_.size(); ++row) {
    const auto& candidates = rows_[row].candidates;
    for (size_t c = 0; candidates.size() > 1 && c < candidates.size(); ++c) {
      std::string sets;
      for (const std::string& set : options().sets) {
        if (chosen_.at({row, set}) != c) continue;
        sets += (sets.empty() ? "" : ", ") + set;
      }
      if (sets.empty()) continue;
      text += fmt::format("  {}: {} on {}\n", rows_[row].label,
                          candidates[c].values, sets);
    }
  }
  if (text.empty()) return text;
  return "chosen by validation with the first seed:\n" + text + "\n";
}

std::string Comparison::Tables(const std::vector<RowResults>& rows) const {
  return fmt::format("{}: {} % digital, {} % on crossbars\n\n{}\n{}{}\n",
                     backbone_.config.data.set,
                     FormatPercent(backbone_.digital_top1),
                     FormatPercent(backbone_.crossbar_top1),
                     AccuracyTable(options().sets, rows), Choices(),
                     AccountingTable(SizeOfBackbone(model_), rows));
}

void Comparison::WriteReport() const {
  const auto rows = AllResults();
  const auto write = [&](const char* name, const Plot& plot) {
    const auto file = folder_.path() / name;
    if (plot.series.empty()) {        // no row has a place on its axes
      std::filesystem::remove(file);  // older ones would be of other rows
      std::filesystem::remove(
          std::filesystem::path(file).replace_extension("gp"));
    } else {
      WritePlot(file, plot);
    }
  };
  WriteFileAtomically(folder_.path() / "tables.txt", Tables(rows));
  write("cells.svg", AccuracyOverCells(SizeOfBackbone(model_), rows));
  write("bytes.svg", AccuracyOverBytes(rows));
}

Metrics Comparison::ToMetrics(const std::vector<RowResults>& rows) const {
  const BackboneSize size = SizeOfBackbone(model_);
  Metrics metrics{{"command", std::string("tasks compare")},
                  {"backbone_digital_top1", backbone_.digital_top1},
                  {"backbone_crossbar_top1", backbone_.crossbar_top1},
                  {"first_task_unchanged", true},
                  {"piggyback_mask_bytes", size.piggyback_bytes()},
                  {"backbone_bytes", size.bytes()}};
  std::vector<Metrics> list;
  for (size_t row = 0; row < rows.size(); ++row) {
    for (size_t s = 0; s < options().sets.size(); ++s) {
      const std::string& set = options().sets[s];
      const auto chosen = chosen_.at({row, set});
      int64_t seed = options().seed;
      for (const CompareResult& result : rows[row].of_set[s]) {
        Training t = TrainingOf(row, chosen.value_or(0), set, seed);
        if (!chosen) t.values.clear();
        list.push_back(NamesOf(t));
        list.back().emplace_back("set", set);
        list.back().emplace_back("seed", seed++);
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

}  // namespace ohm::train
