#include "train/experiment.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "nn/crossbar_policy.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"

namespace ohm::train {
namespace {

std::unique_ptr<nn::Model> NewModel(const Config& config, int classes) {
  CheckClasses(config, classes);
  const int chosen = config.model.classes;
  const nn::ModelSpec spec{.name = config.model.name,
                           .classes = chosen > 0 ? chosen : classes,
                           .image_size = config.data.image_size,
                           .width = config.model.width,
                           .shortcut = config.model.shortcut[0]};
  return nn::MakeModel(spec, Key(uint64_t(config.train.seed)).Child("model"));
}

void LoadInto(nn::Model* model, const Config& config, LoadPolicy policy) {
  if (config.model.weights.empty()) return;
  std::error_code code;
  if (!std::filesystem::exists(config.model.weights, code)) {
    ThrowError("model.weights: cannot find '" + config.model.weights +
               "'; --set model.weights=FILE names another file");
  }
  LoadWeights(config.model.weights, model->Parameters(), model->Buffers(),
              policy);
}

// A wish that weights with ranges of their own pass by.
void SayUnusedCalibration(const Config& config) {
  for (const char* key : {"hw.calibration", "hw.percentile"}) {
    const auto asked = config.where.find(key);
    if (asked == config.where.end() || !asked->second.starts_with("--set")) {
      continue;
    }
    fmt::print(
        "{} does nothing here: the weights bring converter ranges; --set "
        "model.recalibrate=true sets them anew\n",
        key);
  }
}

std::array<float, 3> Channels(const Config& config, const std::string& key,
                              const std::vector<double>& chosen,
                              const std::array<float, 3>& own) {
  if (chosen.empty()) return own;
  if (chosen.size() != 3) {
    ThrowAtKey(config, key,
               "expected three numbers (red, green, blue), got " +
                   std::to_string(chosen.size()));
  }
  return {float(chosen[0]), float(chosen[1]), float(chosen[2])};
}

}  // namespace

void ApplyThreads(const Config& config) {
  SetThreads(config.train.threads > 0 ? config.train.threads
                                      : AvailableCores());
}

void CheckWeights(const Config& config) {
  if (!config.model.weights.empty()) return;
  ThrowAtKey(config, "model.weights",
             "expected the weights of a trained network, got none; try --set "
             "model.weights=FILE.safetensors");
}

void CheckWeightsStay(const Config& config,
                      const std::filesystem::path& run_dir) {
  std::error_code code;
  const std::filesystem::path file = config.model.weights;
  const bool there =
      !file.empty() &&
      std::filesystem::equivalent(file.parent_path() / ".", run_dir, code);
  if (!there) return;
  ThrowAtKey(config, "model.weights",
             "expected a file outside of run.dir, where a new run moves what "
             "lies there, got \"" +
                 file.string() + "\"; --set run.dir=DIR names another folder");
}

void CheckClasses(const Config& config, int classes) {
  const int chosen = config.model.classes;
  if (chosen == 0 || chosen >= classes) return;
  ThrowAtKey(config, "model.classes",
             "expected at least the " + std::to_string(classes) +
                 " classes of the data set (0: as many), got " +
                 std::to_string(chosen));
}

datasets::OpenedDataset OpenData(const Config& config,
                                 const std::string& name) {
  return datasets::Open(name, {.root = config.data.root,
                               .seed = uint64_t(config.data.seed),
                               .image_size = config.data.image_size,
                               .memory_mib = config.data.memory_mib,
                               .train_count = config.data.train_count,
                               .test_count = config.data.test_count});
}

datasets::BatchOptions MakeBatchOptions(const Config& config,
                                        const datasets::OpenedDataset& data,
                                        int64_t batch, bool augment, Key key) {
  datasets::BatchOptions options;
  options.batch = batch;
  options.mean = Channels(config, "data.mean", config.data.mean, data.mean);
  options.std = Channels(config, "data.std", config.data.std, data.std);
  options.threads = config.data.workers;
  options.key = key;
  options.shuffle = augment;
  if (augment) {
    options.crop_padding = config.data.crop_padding;
    options.crop_fill = config.data.crop_fill;
    options.flip = config.data.flip;
    options.flip_alternates = config.data.flip_alternates;
    options.last = datasets::LastBatch::kSkip;
  }
  return options;
}

datasets::BatchStream EvalStream(const Config& config,
                                 const datasets::OpenedDataset& data) {
  return {config.eval.split == "train" ? data.train : data.test,
          MakeBatchOptions(config, data, config.eval.batch, false, Key())};
}

std::unique_ptr<nn::Model> BuildModel(const Config& config, int classes) {
  if (!config.on_crossbar()) return BuildDigitalModel(config, classes);
  auto model = NewModel(config, classes);
  nn::MapToCrossbar(model.get(), nn::EveryLeaf, config.hw);
  nn::PutOnChip(model.get(), config.device);
  LoadInto(model.get(), config,
           {.crossbar_may_be_missing = true,
            .ignore_ranges = config.model.recalibrate});
  return model;
}

std::unique_ptr<nn::Model> BuildDigitalModel(const Config& config,
                                             int classes) {
  auto model = NewModel(config, classes);
  LoadInto(model.get(), config, {.ignore_crossbar = true});
  return model;
}

void CalibrateIfNeeded(const Config& config,
                       const datasets::OpenedDataset& data, nn::Model* model) {
  if (nn::IsCalibrated(model)) {  // also without crossbars
    SayUnusedCalibration(config);
    return;
  }
  auto options = MakeBatchOptions(config, data, config.train.batch, false,
                                  Key(uint64_t(config.train.seed)));
  options.shuffle = true;
  datasets::BatchStream stream(data.train, options);
  Calibrate(model, &stream, config.train.calibration_batches);
}

}  // namespace ohm::train
