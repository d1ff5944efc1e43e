// The comparison behind 'tasks compare': every row on every set with every
// seed, on one programmed backbone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "train/compare/log.h"
#include "train/compare/report.h"
#include "train/compare/rows.h"
#include "train/tasks/accounting.h"
#include "train/tasks/backbone.h"
#include "train/trainers/task.h"

namespace ohm::train {

// Leaves in the folder, of which it needs only the first to go on after a stop:
//   compare.jsonl         a line per training, and again once it is tested
//   tasks/*.safetensors   the trained tasks
//   tables.txt, *.svg     what Report says, after each seed
class Comparison {
 public:
  // Opens all data sets and makes the backbone that `config` names. UsageError
  // before that where a row cannot train on one of the sets (CheckTask).
  Comparison(const Config& config, std::vector<CompareRow> rows,
             const RunFolder& folder);

  // Trains and tests what the log does not have, and prints the tables. A row
  // that differs from one before it in tasks.norm_batches alone takes what that
  // has learned. A candidate whose loss is no number any more is not chosen;
  // where a row has no other, the tables say so, all else goes on, and the end
  // is an Error. Error, too, where the first task's outputs changed.
  Metrics Run();

 private:
  // A row's candidate on one set with one seed.
  struct Training {
    Config config;
    std::string label, method, values, hash, set;
    int64_t seed;
  };

  const TasksOptions& options() const { return backbone_.config.tasks; }
  Training TrainingOf(size_t row, size_t candidate, const std::string& set,
                      int64_t seed) const;
  std::filesystem::path FileOf(const Training& training) const;

  void RunSeed(int64_t seed);
  void Choose(size_t row, const std::string& set);
  void Test(size_t row, const std::string& set, int64_t seed);
  // False: it failed.
  bool Train(const Training& training);
  TaskResult Learn(const Training& training);
  // What the training's teacher has learned; TrainingFailed where it diverges.
  TaskState TeacherOf(const Training& training);
  // What tells it from others, for people and their programs.
  Metrics NamesOf(const Training& training) const;
  void Append(const Training& training, const CompareResult& result);

  // The values that validation chose among a row's, a line for each.
  std::string Choices() const;
  std::string Tables(const std::vector<RowResults>& rows) const;
  void WriteReport() const;
  std::vector<RowResults> AllResults() const;
  Metrics ToMetrics(const std::vector<RowResults>& rows) const;

  std::vector<CompareRow> rows_;
  const RunFolder& folder_;
  std::map<std::string, datasets::OpenedDataset> data_;  // of the new tasks
  std::map<std::string, std::string> fingerprints_;      // of data_
  Backbone backbone_;
  nn::Model* model_;
  std::string hash_;  // of the backbone's weights
  std::string first_hash_;
  TaskState first_;
  WrittenCells cells_;  // of the first task
  // Of the images that converters were calibrated on; "": ranges that the
  // weights bring do not depend on images.
  std::string first_data_;
  CompareLog log_;
  // Candidates; none: all have failed.
  std::map<std::pair<size_t, std::string>, std::optional<size_t>> chosen_;
  std::map<std::pair<size_t, std::string>, std::vector<CompareResult>> results_;
  std::map<std::string, std::string> failed_;  // by hash: what was said
  std::vector<std::string> missing_;           // the same, of missing results
};

}  // namespace ohm::train
