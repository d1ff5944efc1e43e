// Steps of learning a task against full fine-tuning of the same network through
// the same crossbars.
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "bench/bench.h"
#include "bench/sides.h"
#include "bench/train_step.h"
#include "core/base/check.h"
#include "core/base/parallel.h"
#include "nn/crossbar_policy.h"
#include "nn/masks/pe.h"
#include "train/tasks/mask_options.h"
#include "train/tasks/task_state.h"
#include "train/tasks/trained.h"

namespace ohm::bench {
namespace {

constexpr int64_t kBatch = 128;
constexpr int kClasses = 10, kSteps = 5;

// Every n-th PE, so that all layers have some: a tenth of the weights, and of
// one cell of their pairs about 5 % of the cells.
void ChoosePes(nn::Model* model) {
  constexpr size_t kEvery = 10;
  for (const auto& leaf : nn::CrossbarLeaves(model)) {
    auto* mask = dynamic_cast<nn::PeMask*>(leaf.policy->mask());
    if (mask == nullptr) continue;
    std::vector<uint8_t> chosen(mask->chosen().size(), 0);
    for (size_t i = 0; i < chosen.size(); i += kEvery) chosen[i] = 1;
    mask->Choose(chosen);
  }
}

class TaskStep {
 public:
  TaskStep(const train::Config& config, const std::string& method)
      : model_(train::BuildModel(config, kClasses)),
        batch_(RandomBatch(config, kClasses)) {
    const train::MethodRow& row = train::FindMethod(method);
    train::SetMasks(model_.get(), row.mask, train::MaskOptionsOf(config.tasks));
    if (row.selects) ChoosePes(model_.get());
    train::LeaveTrained(row, config.tasks, model_.get());
    optimizer_ = train::MakeTaskOptimizer(config.tasks, model_.get());
    training_ = std::make_unique<train::TrainingStep>(
        model_.get(), optimizer_.get(), train::MakeStepOptions(config));
    CheckLearns(method);
  }

  // From now on it learns from another network's outputs, too.
  void LearnFromTeacher(const train::Config& config) {
    teacher_ = train::BuildModel(config, kClasses);
    {
      const NoGrad off;
      teacher_->Forward(Var(batch_.images), {.calibrating = true});
    }
    training_->LearnFrom(
        teacher_.get(),
        {.share = float(config.tasks.teacher_share),
         .temperature = float(config.tasks.teacher_temperature)});
    for (int i = 0; i < 3; ++i) Run();  // its memory is planned anew
  }

  double Run() { return training_->Run(batch_, 1.0, Key(1)).loss; }

  // Of what a step needs beside the frozen network: its tensors, and what is
  // trained with the optimiser's state.
  double Mib() {
    auto bytes = double(training_->arena().planned_bytes());
    for (const auto& slot : optimizer_->State()) {
      bytes += double(slot.tensor->bytes());
    }
    for (const auto& group : optimizer_->groups()) {
      for (const auto& p : group.parameters) {
        bytes += double(p.var.value().bytes());
      }
    }
    return bytes / kMib;
  }

 private:
  void CheckLearns(const std::string& method) {
    const double first = Run();
    double last = first;
    for (int i = 0; i < 10; ++i) last = Run();
    OHM_CHECK(std::isfinite(last) && last < first,
              fmt::format("bench tasks: {}: expected the loss of one batch to "
                          "fall in 10 steps, got {} and then {}",
                          method, first, last));
  }

  std::unique_ptr<nn::Model> model_, teacher_;
  datasets::Batch batch_;
  std::unique_ptr<train::Optimizer> optimizer_;
  std::unique_ptr<train::TrainingStep> training_;
};

Side Learning(const std::string& method, const std::string& dtype,
              bool taught = false) {
  train::Config config;
  config.train.dtype = dtype;
  config.train.batch = int(kBatch);
  config.hw_preset = "pytorx64";
  // As configs/resnet20_cifar10_tasks.toml has them.
  config.tasks.pes.pe_columns = 1;
  config.tasks.pes.rewrite = "cell";
  config.tasks.pes.factors = "scale";
  if (method == "ksm") config.tasks.estimator = nn::Estimator::kSigmoid;
  const auto step = std::make_shared<TaskStep>(config, method);
  if (taught) step->LearnFromTeacher(config);
  return {fmt::format("{}{}, {:.1f} MiB", method,
                      taught ? " with a teacher" : "", step->Mib()),
          [=] {
            for (int i = 0; i < kSteps; ++i) step->Run();
          },
          double(kBatch) * kSteps, "images/s"};
}

Sides LearningSides(const std::string& dtype) {
  Sides sides;
  for (const char* method :
       {"full", "bn", "xbm", "xma", "xma2", "piggyback", "ksm"}) {
    sides.push_back(Learning(method, dtype));
  }
  sides.push_back(Learning("xma2", dtype, /*taught=*/true));
  return sides;
}

const std::vector<Group>& Groups() {
  static const std::vector<Group> groups = {
      {"resnet20 5 steps of a task f32", [] { return LearningSides("f32"); }},
      {"resnet20 5 steps of a task bf16", [] { return LearningSides("bf16"); }},
  };
  return groups;
}

}  // namespace

void BenchTasks(const BenchOptions& options) {
  std::vector<std::string> names;
  for (const Group& group : Groups()) names.emplace_back(group.name);
  const std::vector<size_t> selected = Select(options, "tasks", names);
  if (options.threads > 0) SetThreads(options.threads);
  for (const size_t i : selected) RunGroup(options, Groups()[i], 0);
}

}  // namespace ohm::bench
