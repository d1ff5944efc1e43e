#include "train/tasks/backbone.h"

#include <fmt/format.h>

#include "core/base/file.h"
#include "datasets/fingerprint.h"
#include "hw/converters.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/experiment.h"
#include "train/table_print.h"
#include "train/trainers/backbone.h"

namespace ohm::train {
namespace {

// The config of the digital training of a backbone. Of it nothing else counts,
// nor is it asked for on resuming.
Config DigitalTraining(const Config& config) {
  Config own = config;
  own.train.resume = false;
  own.train.calibration_batches = TrainOptions().calibration_batches;
  own.model.recalibrate = ModelOptions().recalibrate;
  own.hw_preset.clear();
  own.hw = {};
  own.device = {};
  own.adapt = {};
  own.data.validation = DataOptions().validation;  // of new tasks
  return own;
}

// What its weights depend on.
std::string BackboneKeys(const Config& config) {
  const Config digital = DigitalTraining(config);
  Config own;
  own.data = digital.data;
  own.model = digital.model;
  own.train = digital.train;
  own.train.eval_every = TrainOptions().eval_every;
  own.train.checkpoint_every = TrainOptions().checkpoint_every;
  return ChangedKeys(own);
}

std::filesystem::path KeysFile(const RunFolder& folder) {
  return folder.path() / kBackboneKeys;
}

// Whether the folder holds a training of this very config on these images,
// finished or not. If not, what it holds is moved aside; the folder says what
// is trained there from now on.
bool Resumes(const Config& config, const datasets::OpenedDataset& data,
             const RunFolder& folder) {
  const auto file = KeysFile(folder);
  const std::string plain = BackboneKeys(config);
  const std::string keys =
      plain + "images " + datasets::Fingerprint(data) + "\n";
  const std::string left = std::filesystem::exists(file) ? ReadFile(file) : "";
  // Earlier versions did not tell images apart.
  const bool same = left == keys || (!left.empty() && left == plain);
  const bool resumes =
      same && config.tasks.resume && std::filesystem::exists(folder.state());
  if (!resumes) {
    folder.SetAside();  // before the folder says that it is the new one's
    WriteFileAtomically(file, keys);
  }
  return resumes;
}

// Returns the file of its weights.
std::string TrainDigitally(const Config& config,
                           const datasets::OpenedDataset& data,
                           const RunFolder& folder) {
  fmt::print("training {} on {} digitally\n", config.model.name,
             config.data.set);
  const auto model = BuildDigitalModel(config, data.classes);
  Config own = DigitalTraining(config);
  own.train.resume = Resumes(config, data, folder);
  folder.WriteConfig(ResolvedToml(config));  // behind what was set aside
  TrainBackbone(own, data, model.get(), folder);
  return folder.weights().string();
}

// Of those that are set; empty where none is.
std::string HashOfRanges(nn::Model* model) {
  std::vector<nn::NamedParameter> learned;
  std::vector<nn::NamedBuffer> measured;
  for (const auto& p : model->Parameters()) {
    const bool range = p.role == nn::Role::kAdcRange;
    if (range && hw::MaxAbs(p.var.value()) > 0) learned.push_back(p);
  }
  for (const auto& b : model->Buffers()) {
    const bool range = b.name.find(".crossbar.") != std::string::npos;
    if (range && b.tensor->defined()) measured.push_back(b);
  }
  if (learned.empty() && measured.empty()) return "";
  return HashWeights(learned, measured);
}

}  // namespace

datasets::BatchStream TestStream(const Config& config,
                                 const datasets::OpenedDataset& data) {
  return {data.test,
          MakeBatchOptions(config, data, config.eval.batch, false, Key())};
}

bool HasOwnBackbone(const RunFolder& folder) {
  return std::filesystem::exists(KeysFile(folder));
}

void CheckBackbone(const Config& config) {
  if (config.on_crossbar()) return;
  ThrowAtKey(config, "hw.preset",
             "expected a preset, because tasks adapt a network that sits on "
             "crossbars, got none");
}

Backbone MakeBackbone(const Config& config, const RunFolder& folder,
                      const std::function<void()>& ready) {
  CheckBackbone(config);
  Backbone backbone;
  backbone.config = config;
  backbone.data = OpenData(config, config.data.set);
  CheckClasses(config, backbone.data.classes);
  std::unique_ptr<nn::Model> digital;
  const auto load = [&] {
    digital = BuildDigitalModel(backbone.config, backbone.data.classes);
    backbone.model = BuildModel(backbone.config, backbone.data.classes);
  };
  if (config.model.weights.empty()) {
    CheckTraining(DigitalTraining(config), backbone.data, folder);
    ready();
    backbone.config.model.weights =
        TrainDigitally(config, backbone.data, folder);
    load();
  } else {
    load();
    ready();
  }
  auto test = TestStream(config, backbone.data);
  backbone.digital_top1 = Evaluate(digital.get(), &test).top1;
  backbone.own_ranges = HashOfRanges(backbone.model.get());
  CalibrateIfNeeded(config, backbone.data, backbone.model.get());
  backbone.crossbar_top1 = Evaluate(backbone.model.get(), &test).top1;
  fmt::print("backbone on {}: {} % digital, {} % on crossbars\n",
             config.data.set, FormatPercent(backbone.digital_top1),
             FormatPercent(backbone.crossbar_top1));
  return backbone;
}

}  // namespace ohm::train
