#include <fmt/format.h>

#include <map>

#include "core/base/check.h"
#include "core/base/stopwatch.h"
#include "hw/held_cells.h"
#include "train/commands/command.h"
#include "train/experiment.h"
#include "train/tasks/accounting.h"
#include "train/tasks/opened_store.h"

namespace ohm::train {
namespace {

// The arrays of all convolutions, on which programming lists are written.
class HeldArrays {
 public:
  explicit HeldArrays(const WrittenCells& cells)
      : layers_(cells.begin(), cells.end()) {}

  void Write(const WrittenCells& from, const WrittenCells& to) {
    for (size_t i = 0; i < layers_.size(); ++i) {
      hw::VisitChanged(from[i], to[i], [&](const hw::ChangedCell& cell) {
        layers_[i].Write(cell);
      });
    }
  }

  bool Hold(const WrittenCells& cells) const {
    for (size_t i = 0; i < layers_.size(); ++i) {
      if (!layers_[i].Holds(cells[i])) return false;
    }
    return true;
  }

 private:
  std::vector<hw::HeldCells> layers_;
};

// What it took to switch between all tasks of a store, at random.
struct Switches {
  int64_t count = 0, bytes = 0;
  hw::WriteCost cost;
  double seconds = 0;  // of setting the model and programming its arrays
};

Switches SwitchAtRandom(OpenedStore* opened, int64_t count, Key key) {
  nn::Model* model = opened->model.get();
  std::map<std::string, TaskState> states;
  std::map<std::string, WrittenCells> cells;
  for (const StoredTask& task : opened->store.tasks()) {
    states[task.name] = opened->store.Load(task.name);
    opened->Set(task.name);
    cells[task.name] = CellsOf(model);
  }
  const auto& tasks = opened->store.tasks();
  size_t at = tasks.size() - 1;  // as the loop has left it
  HeldArrays arrays(cells[tasks[at].name]);
  Switches sum;
  for (; sum.count < count; ++sum.count) {
    const WrittenCells& before = cells[tasks[at].name];
    const size_t step = 1 + key.Below(uint64_t(sum.count), tasks.size() - 1);
    const TaskState& from = states[tasks[at].name];
    at = (at + step) % tasks.size();
    const StoredTask& to = tasks[at];
    const Stopwatch watch;
    ApplyTask(model, states[to.name]);
    const std::string outputs = ProbeHash(model, opened->image_size);
    sum.seconds += watch.seconds();
    OHM_CHECK(outputs == to.outputs,
              fmt::format("switch {} to '{}': expected outputs {}, got {}",
                          sum.count + 1, to.name, to.outputs, outputs));
    const WrittenCells after = CellsOf(model);
    arrays.Write(before, after);
    OHM_CHECK(arrays.Hold(cells[to.name]),
              fmt::format("switch {} to '{}': the arrays do not hold what they "
                          "held the first time",
                          sum.count + 1, to.name));
    const hw::WriteCost cost = CostOfSwitch(before, after);
    sum.cost += cost;
    sum.bytes += BytesOfSwitch(model, from, states[to.name], cost);
  }
  return sum;
}

}  // namespace

Metrics RunTasksCheck(const Config& config, const std::string& /*name*/) {
  ApplyThreads(config);
  OpenedStore opened(config);
  opened.CheckAll();
  const size_t tasks = opened.store.tasks().size();
  fmt::print("{} tasks: files whole, outputs as when they were added\n", tasks);
  Metrics metrics{{"command", std::string("tasks check")},
                  {"tasks", int64_t(tasks)}};
  if (config.tasks.switches == 0) return metrics;
  if (tasks < 2) {
    fmt::print("one task: there is nothing to switch between\n");
    metrics.emplace_back("switches", int64_t{0});
    return metrics;
  }
  const Switches all =
      SwitchAtRandom(&opened, config.tasks.switches, Key().Child("switches"));
  const auto each = [&](int64_t sum) {
    return double(sum) / double(all.count);
  };
  fmt::print(
      "{} switches at random: outputs and cells bit for bit as they were, "
      "every time\non average a switch takes {:.1f} ms here (with 64 images "
      "computed), moves {:.0f} B and writes {:.0f} cells in {:.0f} rows of "
      "{:.1f} arrays\n",
      all.count, 1000 * all.seconds / double(all.count), each(all.bytes),
      each(all.cost.cells), each(all.cost.rows), each(all.cost.arrays));
  metrics.emplace_back("switches", all.count);
  metrics.emplace_back("milliseconds", 1000 * all.seconds / double(all.count));
  metrics.emplace_back("bytes", each(all.bytes));
  metrics.emplace_back("cells_written", each(all.cost.cells));
  metrics.emplace_back("rows_written", each(all.cost.rows));
  metrics.emplace_back("arrays_written", each(all.cost.arrays));
  return metrics;
}

}  // namespace ohm::train
