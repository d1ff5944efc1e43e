// The rows of 'tasks compare' and the trainings they stand for.
#pragma once

#include <string>
#include <vector>

#include "train/config.h"

namespace ohm::train {

// A method with keys of its own.
struct CompareRow {
  std::string label;   // "xma2 tasks.budget=0.2"; without values being tried
  std::string method;  // row of MethodTable()
  // Overrides to choose among by validation, at least one list of them.
  std::vector<std::vector<std::string>> candidates;
};

// tasks.methods, then tasks.variants. UsageError names tasks.variants where an
// item names no method, a key outside of [tasks] or one that the comparison
// sets itself, where a key or a row repeats or does not load.
std::vector<CompareRow> CompareRows(const Config& config);

// The config of one training; equal ones are the same training, whatever else
// the comparison runs: run.dir and what lists rows are empty.
Config ConfigOfTraining(const Config& config, const CompareRow& row,
                        size_t candidate, const std::string& set, int64_t seed);

// 16 hex digits over the config and the backbone: equal where a result may be
// used again.
std::string HashOfTraining(const Config& training,
                           const std::string& backbone_hash);

}  // namespace ohm::train
