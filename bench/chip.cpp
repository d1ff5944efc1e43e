// What real devices cost: ResNet-20 on chips with faults, noise and wires
// against the same crossbars with ideal devices, in turn, in one process.
#include <algorithm>
#include <cmath>
#include <memory>

#include "bench/bench.h"
#include "bench/compare.h"
#include "bench/sides.h"
#include "bench/train_step.h"
#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/kernels/normal.h"
#include "nn/crossbar_policy.h"
#include "nn/models/model.h"
#include "train/evaluate.h"
#include "train/remedies.h"

namespace ohm::bench {
namespace {

constexpr int64_t kBatch = 128;

hw::DeviceSpec Stuck(double at_g_max, double at_g_min) {
  hw::DeviceSpec device;
  device.stuck_at.gmax = at_g_max;
  device.stuck_at.gmin = at_g_min;
  return device;
}

hw::DeviceSpec Wired() {
  hw::DeviceSpec device;
  device.wires.at_300_kelvin = {2.67, 2.67, 4, 4};
  return device;
}

hw::DeviceSpec StuckAndWired() {
  hw::DeviceSpec device = Stuck(0.0175, 0.0904);
  device.wires = Wired().wires;
  return device;
}

hw::DeviceSpec Fine(hw::DeviceSpec device) {
  device.steps = hw::CellSteps::kFine;
  return device;
}

hw::DeviceSpec Imprecise() {
  hw::DeviceSpec device;
  device.write_error.law = hw::WriteLaw::kConstant;
  device.write_error.sigma = 0.01;
  return device;
}

hw::DeviceSpec Noisy() {
  hw::DeviceSpec device;
  device.thermal_noise.on = device.shot_noise.on = true;
  return device;
}

// Cells are written, and wires solved, once and before it is timed.
Side Inference(const std::string& name, const hw::DeviceSpec& device,
               hw::StuckCorrection correction = hw::StuckCorrection::kNone) {
  const std::shared_ptr<nn::Model> model = nn::MakeModel({}, Key(1));
  const Tensor x = RandomTensor({kBatch, 32, 32, 3}, DType::kF32, Key(2));
  hw::CrossbarSpec spec;
  spec.stuck_correction = correction;
  nn::MapToCrossbar(model.get(), nn::EveryLeaf, spec);
  nn::PutOnChip(model.get(), device);
  const auto logits = [model, x](const nn::Context& context) {
    const NoGrad off;
    return model->Forward(Var(x), context).value();
  };
  logits({.calibrating = true});
  const Tensor y = logits({});
  OHM_CHECK(
      std::ranges::all_of(y.span(), [](float v) { return std::isfinite(v); }),
      "bench chip: " + name + ": logits are not finite");
  if (correction != hw::StuckCorrection::kNone) {
    nn::PutOnChip(model.get(), {});
    nn::ClearCalibration(model.get());
    logits({.calibrating = true});
    const double error = RelativeError(logits({}), y);
    OHM_CHECK(error < 0.5,
              "bench chip: " + name + ": corrected logits are off");
    nn::PutOnChip(model.get(), device);
    logits({});
  }
  return {name, [logits] { logits({}); }, double(kBatch), "images/s"};
}

Sides InferenceSides() {
  using enum hw::StuckCorrection;
  return {
      Inference("ideal devices", {}),
      Inference("stuck 1.75/9.04 %", Stuck(0.0175, 0.0904)),
      Inference("stuck 1.75/9.04 %, corrected", Stuck(0.0175, 0.0904), kPlain),
      Inference("stuck 10/10 %, corrected", Stuck(0.1, 0.1), kPlain),
      Inference("write error", Imprecise()),
      Inference("write error, cells in 1/256 codes", Fine(Imprecise())),
      Inference("wires 2.67 ohm", Wired()),
      Inference("wires 2.67 ohm, cells in 1/256 codes", Fine(Wired())),
      Inference("thermal and shot noise", Noisy())};
}

constexpr int kSteps = 20;  // from one solution of the wires to the next

enum class Injects : uint8_t { kNothing, kNoise, kLine };

// Deviations as large as they come do not change the time.
hw::ShiftFit Injection(Injects injects, const Shape& entries) {
  return {injects == Injects::kLine ? Tensor::Full(entries, 0.9F) : Tensor(),
          Tensor::Full(entries, 0.01F), Tensor::Full(entries, 0.1F)};
}

Side Training(const std::string& name, const hw::DeviceSpec& device,
              const std::string& dtype, Injects injects,
              hw::StuckCorrection correction = hw::StuckCorrection::kNone) {
  train::Config config;
  config.hw.stuck_correction = correction;
  config.train.dtype = dtype;
  config.train.batch = int(kBatch);
  config.hw_preset = "pytorx64";
  config.device = device;
  const auto batch = RandomBatch(config, 10);
  const auto step = std::make_shared<TrainStep>(config, 10);
  step->CheckLearns(batch);
  for (const auto& leaf : nn::CrossbarLeaves(step->model())) {
    if (injects == Injects::kNothing) continue;
    leaf.policy->set_injection(Injection(injects, leaf.Map().MaskEntries()));
  }
  return {name,
          [=] {
            for (int i = 0; i < kSteps; ++i) step->Run(batch);
          },
          double(kBatch) * kSteps, "images/s"};
}

Sides TrainingSides(const std::string& dtype) {
  using enum Injects;
  using enum hw::StuckCorrection;
  return {Training("ideal devices", {}, dtype, kNothing),
          Training("noise injected (NIA)", {}, dtype, kNoise),
          Training("noise and attenuation injected", {}, dtype, kLine),
          Training("wires in the loop", Wired(), dtype, kNothing),
          Training("wires in the loop, cells in 1/256 codes", Fine(Wired()),
                   dtype, kNothing),
          Training("stuck 1.75/9.04 %, corrected, in the loop",
                   Stuck(0.0175, 0.0904), dtype, kNothing, kPlain),
          Training("the same behind wires", StuckAndWired(), dtype, kNothing,
                   kLocal)};
}

// A million numbers of noise on one thread, by every variant that this machine
// has, the fastest first.
Sides NormalSides() {
  constexpr int64_t kCount = 1 << 20, kAtOnce = 768;  // as passes ask for them
  Sides sides;
  const auto wanted = std::make_shared<std::vector<float>>(kCount);
  hw::PortableNormal().fill(1, 2, 0, kCount, wanted->data());
  for (const hw::NormalKernels& variant : hw::NormalKernelVariants()) {
    if (!variant.supported) continue;
    const auto numbers = std::make_shared<std::vector<float>>(kCount);
    variant.fill(1, 2, 0, kCount, numbers->data());
    OHM_CHECK(*numbers == *wanted, std::string("bench chip: normals by ") +
                                       variant.name + " are off");
    const auto run = [fill = variant.fill, numbers] {
      for (int64_t i = 0; i + kAtOnce <= kCount; i += kAtOnce) {
        fill(1, 2, i, kAtOnce, numbers->data());
      }
    };
    sides.push_back({variant.name, run, double(kCount), "numbers/s"});
  }
  return sides;
}

const std::vector<Group>& Groups() {
  static const std::vector<Group> groups = {
      {"normals", NormalSides},
      {"resnet20 inference", InferenceSides},
      {"resnet20 20 training steps f32", [] { return TrainingSides("f32"); }},
      {"resnet20 20 training steps bf16", [] { return TrainingSides("bf16"); }},
  };
  return groups;
}

}  // namespace

void BenchChip(const BenchOptions& options) {
  std::vector<std::string> names;
  for (const Group& group : Groups()) names.emplace_back(group.name);
  const std::vector<size_t> selected = Select(options, "chip", names);
  if (options.threads > 0) SetThreads(options.threads);
  for (const size_t i : selected) RunGroup(options, Groups()[i], 0);
}

}  // namespace ohm::bench
