#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <filesystem>

#include "core/base/check.h"
#include "core/base/file.h"
#include "nn/crossbar_policy.h"
#include "tests/support/data.h"
#include "tests/support/near.h"
#include "tests/support/worse.h"
#include "tests/train/scratch_folder.h"
#include "train/checkpoint.h"
#include "train/commands/command.h"
#include "train/experiment.h"
#include "train/trainers/backbone.h"
#include "train/trainers/task.h"

namespace ohm::test {
namespace {

using train::Config;
using train::ScratchFolder;

// Small enough for seconds: a narrow ResNet on a few procedural images.
Config SmallConfig(const std::filesystem::path& folder) {
  return train::LoadConfig(
      OHM_SOURCE_DIR "/configs/demo.toml",
      {"run.dir=" + (folder / "run").string(), "data.train_count=320",
       "data.test_count=100", "model.width=4", "train.epochs=2",
       "train.batch=32", "tasks.length=2e", "tasks.batch=32",
       "tasks.sets=[\"textures\"]", "train.threads=2"});
}

std::string HashOf(nn::Model* model) {
  return train::HashWeights(model->Parameters(), model->Buffers());
}

TEST_CASE("a run that stops and resumes equals one that does not") {
  const ScratchFolder scratch;
  for (const char* on : {"digital", "crossbars", "wires"}) {
    INFO("on ", on);
    const bool crossbar = on != std::string("digital");
    Config config = SmallConfig(scratch.path());
    if (!crossbar) config.hw_preset.clear();
    if (on == std::string("wires")) {
      config.device.wires.at_300_kelvin.r_row = 20;
      config.device.wires.refresh = 5;  // not at the steps that are saved
    }
    config.train.checkpoint_every = train::ParseDuration("3s");
    const auto data = train::OpenData(config, config.data.set);
    const auto run = [&](const std::string& name, bool resume) {
      Config own = config;
      own.train.resume = resume;
      const train::RunFolder folder(scratch.path() / name);
      const auto model = train::BuildModel(own, data.classes);
      train::TrainBackbone(own, data, model.get(), folder);
      return HashOf(model.get());
    };
    const std::string whole = run("whole", false);

    // Stopped in its second epoch: the training set's 14th batch fails.
    struct Stopping : datasets::Dataset {
      datasets::DatasetPtr base;
      mutable std::atomic<int> left{14 * 32};
      int64_t size() const override { return base->size(); }
      int classes() const override { return base->classes(); }
      datasets::Sample get(int64_t index) const override {
        OHM_CHECK(left-- > 0, "the disk went away");
        return base->get(index);
      }
      int32_t label(int64_t index) const override { return base->label(index); }
    };
    {
      auto stopping = std::make_shared<Stopping>();
      stopping->base = data.train;
      auto broken = data;
      broken.train = stopping;
      Config own = config;
      own.data.workers = 0;
      stopping->left += 32;  // for its fingerprint
      // Calibration reads batches of its own.
      stopping->left += crossbar ? own.train.calibration_batches * 32 : 0;
      const train::RunFolder folder(scratch.path() / "stopped");
      const auto model = train::BuildModel(own, data.classes);
      CHECK_THROWS_WITH_AS(
          train::TrainBackbone(own, broken, model.get(), folder),
          "the disk went away", Error);
    }
    CHECK(run("stopped", true) == whole);
    std::filesystem::remove_all(scratch.path() / "stopped");
  }
}

TEST_CASE("a run never takes what an earlier one has left") {
  const ScratchFolder scratch;
  const auto config = [&](const std::vector<std::string>& more) {
    std::vector<std::string> keys{
        "run.dir=" + (scratch.path() / "run").string(),
        "hw.preset=",
        "data.train_count=64",
        "data.test_count=32",
        "model.name=mlp",
        "train.batch=32",
        "train.epochs=1"};
    keys.insert(keys.end(), more.begin(), more.end());
    return train::LoadConfig(OHM_SOURCE_DIR "/configs/demo.toml", keys);
  };
  const train::RunFolder folder(scratch.path() / "run");
  train::RunTrain(config({}));
  const std::string weights = ReadFile(folder.weights());
  const std::string toml = ReadFile(folder.config());
  // What cannot train leaves everything as it is.
  CHECK_THROWS_WITH_AS(
      train::RunTrain(config({"train.warmup=50e", "train.schedule=cosine"})),
      doctest::Contains("train.warmup: expected fewer than the 2 steps"),
      UsageError);
  CHECK_THROWS_WITH_AS(
      train::RunTrain(config({"train.batch=1000"})),
      doctest::Contains("train.batch: expected at most the 64"), UsageError);
  CHECK_THROWS_WITH_AS(
      train::RunTrain(config({"train.resume=true", "train.lr=0.5"})),
      doctest::Contains("has the default of train.lr; got train.lr = 0.5"),
      UsageError);
  CHECK_THROWS_WITH_AS(
      train::RunTrain(config({"model.weights=" + folder.weights().string()})),
      doctest::Contains("model.weights: expected a file outside of run.dir"),
      UsageError);
  const auto other = (scratch.path() / "other.safetensors").string();
  std::filesystem::copy_file(folder.weights(), other);
  CHECK_THROWS_WITH_AS(
      train::RunTrain(config({"train.resume=true", "model.weights=" + other})),
      doctest::Contains("expected the weights that the training in"),
      UsageError);
  CHECK_THROWS_WITH_AS(
      train::RunTrain(config({"model.classes=2"})),
      doctest::Contains("model.classes: expected at least the"), UsageError);
  {
    const Config resumed = config({"train.resume=true"});
    Config smaller = resumed;
    smaller.data.test_count = 20;
    CHECK_THROWS_WITH_AS(
        train::CheckTraining(resumed, train::OpenData(smaller, "shapes"),
                             folder),
        doctest::Contains("expected the images that the training in"),
        UsageError);
    train::CheckTraining(resumed, train::OpenData(resumed, "shapes"), folder);
  }
  {
    const FolderLock busy = folder.Lock();
    CHECK_THROWS_WITH_AS(train::RunTrain(config({})),
                         doctest::Contains("is in use by another run"), Error);
  }
  CHECK(ReadFile(folder.weights()) == weights);
  CHECK(std::filesystem::exists(folder.state()));
  CHECK(ReadFile(folder.config()) == toml);
  // What can moves it aside, and the run after that does so again.
  for (const char* aside : {"earlier-1", "earlier-2"}) {
    train::RunTrain(config({"train.lr=0.5"}));
    CHECK(std::filesystem::exists(folder.path() / aside / "state.safetensors"));
  }
  CHECK(ReadFile(folder.path() / "earlier-1/weights.safetensors") == weights);
  CHECK(ReadFile(folder.path() / "earlier-1/config.toml") == toml);
  CHECK(ReadFile(folder.weights()) != weights);
}

// A sweep calibrates before it takes up a point's training.
TEST_CASE("a training that is taken up keeps its learned ranges") {
  const ScratchFolder scratch;
  const Config config = train::LoadConfig(
      OHM_SOURCE_DIR "/configs/demo.toml",
      {"run.dir=" + (scratch.path() / "run").string(), "data.train_count=64",
       "data.test_count=32", "model.name=mlp", "train.batch=32",
       "train.epochs=1", "train.resume=true", "hw.calibration=learned"});
  const train::RunFolder folder(config.run.dir);
  const auto data = train::OpenData(config, config.data.set);
  const auto ranges_after = [&] {
    const auto model = train::BuildModel(config, data.classes);
    train::CalibrateIfNeeded(config, data, model.get());
    train::TrainBackbone(config, data, model.get(), folder);
    nn::ClearCalibration(model.get());
    std::vector<float> ranges;
    for (const auto& p : model->Parameters()) {
      if (p.role != nn::Role::kAdcRange) continue;
      const auto values = p.var.value().span();
      ranges.insert(ranges.end(), values.begin(), values.end());
    }
    return ranges;
  };
  const auto trained = ranges_after();
  REQUIRE(!trained.empty());
  CHECK(trained.front() > 0);
  CHECK(ranges_after() == trained);  // no step is left
}

TEST_CASE("weights that are no numbers never become a checkpoint") {
  const ScratchFolder scratch;
  Config config = SmallConfig(scratch.path());
  config.hw_preset.clear();
  config.model.name = "mlp";
  config.train.batch = 320;  // one step an epoch
  // Rates of the three steps: 1e-3, near 1e42, near 0. The second step's loss
  // is a number still, what it makes of weights is not.
  config.train.schedule = "onecycle";
  config.train.lr = 1e42;
  config.train.onecycle_div = 1e45;
  config.train.onecycle_pct_start = 0.7;
  config.train.epochs = 3;
  config.train.grad_clip = 0;
  const auto data = train::OpenData(config, config.data.set);
  const train::RunFolder folder(config.run.dir);
  const auto model = train::BuildModel(config, data.classes);
  CHECK_THROWS_WITH_AS(
      train::TrainBackbone(config, data, model.get(), folder),
      doctest::Contains("is no number any more at epoch 2, step 1 of 1"),
      NotFinite);
  // The first epoch's stands as it was written.
  CHECK(train::ReadTrainingProgress(folder.state()).epoch == 1);
  CHECK_FALSE(std::filesystem::exists(folder.weights()));
}

TEST_CASE("a loss that is not finite ends the run in one sentence") {
  const ScratchFolder scratch;
  Config config = SmallConfig(scratch.path());
  config.train.lr = 1e9;
  config.train.schedule = "constant";
  config.hw_preset.clear();
  const auto data = train::OpenData(config, config.data.set);
  const train::RunFolder folder(config.run.dir);
  const auto model = train::BuildModel(config, data.classes);
  try {
    train::TrainBackbone(config, data, model.get(), folder);
    FAIL("expected an error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("the loss became") == 0);
    CHECK(std::string(error.what()).find("train.lr") != std::string::npos);
  }
  CHECK_FALSE(std::filesystem::exists(folder.weights()));
}

TEST_CASE("the published ResNet-20 gives PyTorch's logits") {
  const auto root = DataRoot("cifar-10-batches-bin");
  const auto weights = WeightsRoot();
  if (!root || !weights) return;
  Config config = train::LoadConfig(
      OHM_SOURCE_DIR "/configs/resnet20_cifar10_import.toml",
      {"data.root=" + root->string(),
       "model.weights=" +
           (*weights / "resnet20_cifar10.safetensors").string()});
  train::ApplyThreads(config);
  const auto data = train::OpenData(config, "cifar10");
  const auto model = train::BuildModel(config, data.classes);
  datasets::BatchStream stream(
      data.test, train::MakeBatchOptions(config, data, 250, false, Key()));
  const Tensor logits = train::Logits(model.get(), &stream);

  const std::string npy =
      ReadFile(*weights / "resnet20_cifar10_test_logits.npy");
  REQUIRE(npy.size() > size_t(logits.bytes()));
  const auto* expected =
      reinterpret_cast<const float*>(npy.data() + npy.size() - logits.bytes());
  double worst = 0;
  for (int64_t i = 0; i < logits.count(); ++i) {
    worst = Worse(worst, std::abs(double(logits.data()[i] - expected[i])));
  }
  CHECK(worst < 2e-3);
  CHECK(train::Evaluate(model.get(), &stream).top1 == Near(0.9173, 1e-9));
}

}  // namespace
}  // namespace ohm::test
