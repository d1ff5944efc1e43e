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

// What a digital training of the backbone depends on.
std::string BackboneKeys(const Config& config) {
  Config own;
  own.data = config.data;
  own.model = config.model;
  own.train = config.train;
  own.train.resume = false;
  own.data.validation = DataOptions().validation;  // of new tasks
  return ChangedKeys(own);
}

// What the folder's own backbone was trained with, where one was.
std::filesystem::path KeysFile(const RunFolder& folder) {
  return folder.path() / "backbone.keys";
}

// Whether what lies in the folder is a training of this very config on these
// images, finished or not; the folder says so from now on.
bool MayResume(const Config& config, const datasets::OpenedDataset& data,
               const RunFolder& folder) {
  const auto file = KeysFile(folder);
  const std::string plain = BackboneKeys(config);
  const std::string keys =
      plain + "images " + datasets::Fingerprint(data) + "\n";
  const std::string left = std::filesystem::exists(file) ? ReadFile(file) : "";
  // Earlier versions did not tell images apart.
  const bool same = left == keys || (!left.empty() && left == plain);
  if (!same) {
    folder.SetAside();  // before the folder says that it is the new one's
    WriteFileAtomically(file, keys);
  }
  return same && config.tasks.resume;
}

// Trains the backbone digitally where the config names no weights; returns the
// config that names them.
Config WithWeights(const Config& config, const datasets::OpenedDataset& data,
                   const RunFolder& folder) {
  Config with = config;
  if (!with.model.weights.empty()) return with;
  fmt::print("training {} on {} digitally\n", config.model.name,
             config.data.set);
  const auto model = BuildDigitalModel(config, data.classes);
  Config own = config;
  own.train.resume = MayResume(config, data, folder);
  folder.WriteConfig(ResolvedToml(config));  // behind what was set aside
  // Of a digital training nothing else counts, nor is it asked for on resuming.
  own.hw_preset.clear();
  own.hw = {};
  own.device = {};
  own.adapt = {};
  own.data.validation = DataOptions().validation;
  TrainBackbone(own, data, model.get(), folder);
  with.model.weights = folder.weights().string();
  return with;
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
  backbone.data = OpenData(config, config.data.set);
  CheckClasses(config, backbone.data.classes);
  ready();
  backbone.config = WithWeights(config, backbone.data, folder);
  const auto digital =
      BuildDigitalModel(backbone.config, backbone.data.classes);
  auto test = TestStream(config, backbone.data);
  backbone.digital_top1 = Evaluate(digital.get(), &test).top1;
  backbone.model = BuildModel(backbone.config, backbone.data.classes);
  backbone.own_ranges = HashOfRanges(backbone.model.get());
  CalibrateIfNeeded(config, backbone.data, backbone.model.get());
  backbone.crossbar_top1 = Evaluate(backbone.model.get(), &test).top1;
  fmt::print("backbone on {}: {} % digital, {} % on crossbars\n",
             config.data.set, FormatPercent(backbone.digital_top1),
             FormatPercent(backbone.crossbar_top1));
  return backbone;
}

}  // namespace ohm::train
