// Learning rates as a pure function of the step: a stopped run that continues
// needs no schedule state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ohm::train {

// A span of training in epochs or steps, written "5e" or "500s" in configs.
struct Duration {
  enum class Unit { kEpochs, kSteps };

  double count = 0;  // >= 0; whole for steps
  Unit unit = Unit::kEpochs;

  // Nearest whole number of steps. Requires steps_per_epoch >= 1.
  int64_t Steps(int64_t steps_per_epoch) const;
  std::string str() const;  // "5e", "0.5e", "500s"

  bool operator==(const Duration&) const = default;
};

// Error with the text and the two forms expected when it is neither.
Duration ParseDuration(const std::string& text);

// Everything a schedule may need. Fields of other kinds are not read.
struct ScheduleSpec {
  std::string kind = "constant";  // one of ScheduleNames()
  double lr = 0.1;                // base rate; the peak of one-cycle
  int64_t total_steps = 1;        // >= 1
  // Linear warm-up: step s < warmup_steps runs at lr * (s + 1) / warmup_steps.
  // One-cycle has its own and takes none. Must be < total_steps.
  int64_t warmup_steps = 0;

  // cosine: ends at lr * final_lr_ratio, as torch CosineAnnealingLR.
  double final_lr_ratio = 0;
  // step: times step_factor after every step_every steps (counted from 0).
  int64_t step_every = 1;
  double step_factor = 0.1;
  // onecycle: torch OneCycleLR with cosine annealing. Starts at lr / div, peaks
  // at lr after pct_start of all steps, ends at lr / div / final_div.
  double pct_start = 0.3;
  double div = 25;
  double final_div = 1e4;
};

// Names of all schedules, in the table's order.
std::vector<std::string> ScheduleNames();

// The rate of step 0 <= step < total_steps. Error for an unknown kind or a
// field out of its range.
double LearningRate(const ScheduleSpec& spec, int64_t step);

}  // namespace ohm::train
