// The rows of 'tasks compare' and the trainings they stand for.
#pragma once

#include <string>
#include <vector>

#include "nn/models/model.h"
#include "train/config.h"

namespace ohm::train {

struct CompareCandidate {
  // The whole config of one training, but for its set, its seed and the
  // backbone's weights. run.dir and what lists rows are empty.
  Config config;
  std::string values;  // "tasks.lr_mask=0.001" of those being tried, or none
};

// A method with keys of its own.
struct CompareRow {
  std::string label;   // "xma2 tasks.budget=0.2"; without values being tried
  std::string method;  // row of MethodTable()
  // To choose among by validation, at least one.
  std::vector<CompareCandidate> candidates;
};

// tasks.methods, then tasks.variants. UsageError names tasks.variants where an
// item names no method, a key outside of [tasks] or one that the comparison
// sets itself or that changes no training, where a key or a row repeats or does
// not load, or where values are tried between which validation, on which
// nothing depends any more by then, cannot choose (tasks.norm_batches; keys of
// PEs of a method without them, of a teacher without one).
std::vector<CompareRow> CompareRows(const Config& config);

// Hash of what trainings start from while `model` is set to its first task: all
// weights and batch norm. Not converter ranges, which follow from these, from
// the data and from hw, and whose last bits differ between processors.
std::string FirstTaskHash(nn::Model* model);

// 16 hex digits over the keys that a training reads, what it starts from, and a
// version of the code that trains: equal where a result may be used again.
std::string HashOfTraining(const Config& training,
                           const std::string& first_task_hash);

}  // namespace ohm::train
