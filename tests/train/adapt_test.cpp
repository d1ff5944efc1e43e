// Fitting networks to chips: what each remedy does, and the command.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/check.h"
#include "core/base/file.h"
#include "nn/crossbar_policy.h"
#include "tests/train/scratch_folder.h"
#include "train/checkpoint.h"
#include "train/commands/command.h"
#include "train/evaluate.h"
#include "train/experiment.h"
#include "train/remedies.h"

namespace ohm::train {
namespace {

const std::vector<std::string> kWires = {"device.r_row=28",
                                         "device.r_column=28"};

struct Fixture {
  ScratchFolder scratch;

  Fixture() {
    Config config = Load({});
    config.model.weights.clear();
    const auto model = BuildDigitalModel(config, 10);
    SaveWeights(scratch / "w.safetensors", model->Parameters(),
                model->Buffers());
  }

  Config Load(std::vector<std::string> overrides) {
    const auto file = scratch.Write(
        "x.toml",
        "data.train_count = 96\ndata.test_count = 60\ntrain.batch = 32\n"
        "data.image_size = 16\ndata.crop_padding = 2\n"
        "train.calibration_batches = 1\ntrain.threads = 1\n"
        "adapt.profile_batches = 1\n"
        "train.lr = 0.01\nmodel.name = \"resnet8\"\nmodel.width = 8\n"
        "hw.preset = \"" OHM_SOURCE_DIR "/configs/hw/pytorx64.toml\"\n");
    overrides.insert(overrides.begin(),
                     {"run.dir=" + (scratch / "run").string(),
                      "model.weights=" + (scratch / "w.safetensors").string()});
    return LoadConfig(file, overrides);
  }

  // Distance of the logits of a chip from those of ideal devices, relative.
  double ErrorWith(std::vector<std::string> more) {
    more.insert(more.end(), kWires.begin(), kWires.end());
    const Config config = Load(more);
    const auto data = OpenData(config, config.data.set);
    const Tensor wanted = LogitsOn(config, data, hw::DeviceSpec{});
    const Tensor got = LogitsOn(config, data, config.device);
    double error = 0, size = 0;
    for (int64_t i = 0; i < got.count(); ++i) {
      const double d = double(got.data()[i]) - double(wanted.data()[i]);
      error += d * d;
      size += double(wanted.data()[i]) * double(wanted.data()[i]);
    }
    return std::sqrt(error / size);
  }

  Tensor LogitsOn(const Config& config, const datasets::OpenedDataset& data,
                  const hw::DeviceSpec& device) {
    const auto model = BuildModel(config, data.classes);
    FitToChip(config, data, device, model.get());
    auto stream = EvalStream(config, data);
    return Logits(model.get(), &stream);
  }

  // Of the first layer, as the last run has left them.
  Tensor TrainedWeights() {
    const Config trained = Load(
        {"model.weights=" + (scratch / "run/weights.safetensors").string()});
    const auto model = BuildDigitalModel(trained, 10);
    return model->Parameters()[0].var.value().Clone();
  }

  nlohmann::json Adapt(const std::vector<std::string>& overrides) {
    return nlohmann::json::parse(ToJson(RunAdapt(Load(overrides))));
  }
};

TEST_CASE_FIXTURE(Fixture, "adapt: each remedy brings a chip nearer to ideal") {
  const double naive = ErrorWith({});
  REQUIRE(naive > 0.05);
  const double column = ErrorWith({"adapt.gain=column"});
  CHECK(column < 0.7 * naive);
  CHECK(column <= ErrorWith({"adapt.gain=layer"}));
  CHECK(ErrorWith({"hw.predistort=5", "hw.headroom=0.5"}) < 0.85 * naive);
}

TEST_CASE_FIXTURE(Fixture,
                  "adapt: batch norm statistics are fitted, and back") {
  const Config config = Load({"adapt.norm_batches=2"});
  const auto data = OpenData(config, config.data.set);
  const auto model = BuildModel(config, data.classes);
  std::vector<Tensor> before;
  for (const auto& buffer : model->Buffers()) {
    if (buffer.tensor->defined()) before.push_back(buffer.tensor->Clone());
  }
  NormStatistics statistics(model.get());
  FitToChip(config, data, config.device, model.get());
  int changed = 0;
  const auto compare = [&] {
    size_t i = 0;
    changed = 0;
    for (const auto& buffer : model->Buffers()) {
      if (!buffer.name.ends_with("running_mean") &&
          !buffer.name.ends_with("running_var")) {
        continue;
      }
      changed +=
          std::ranges::equal(buffer.tensor->span(), before[i++].span()) ? 0 : 1;
    }
  };
  compare();
  CHECK(changed > 0);
  statistics.Restore();
  compare();
  CHECK(changed == 0);
}

TEST_CASE_FIXTURE(
    Fixture, "adapt: statistics take epoch after epoch, but need a batch") {
  // An epoch is three batches.
  const auto logits = [&](const std::string& batches) {
    const Config config = Load({"adapt.norm_batches=" + batches});
    return LogitsOn(config, OpenData(config, config.data.set), config.device);
  };
  CHECK_FALSE(BitEqual(logits("3"), logits("9")));
  const Config none = Load({"data.train_count=20", "adapt.norm_batches=1"});
  const auto data = OpenData(none, none.data.set);
  CHECK_THROWS_WITH_AS(LogitsOn(none, data, none.device),
                       doctest::Contains("images for at least one batch"),
                       Error);
}

TEST_CASE_FIXTURE(Fixture, "adapt: without remedies nothing changes") {
  const auto result = Adapt({kWires[0], kWires[1], "data.test_count=600",
                             "device.write_error=constant",
                             "device.write_sigma=0.2", "eval.chips=3"});
  CHECK(result["top1"] == result["naive_top1"]);
  CHECK(result["top1_std"] == result["naive_std"]);
  CHECK(result["top1_std"] > 0.0);
}

TEST_CASE_FIXTURE(Fixture, "adapt: ranges that came with weights stay, too") {
  const Config config = Load({});
  const auto data = OpenData(config, config.data.set);
  const auto model = BuildModel(config, data.classes);
  CalibrateIfNeeded(config, data, model.get());
  // Far too narrow, so that it shows which ranges a network runs on.
  for (const auto& buffer : model->Buffers()) {
    if (buffer.name.find("crossbar.adc") == std::string::npos) continue;
    for (float& range : buffer.tensor->span()) range *= 0.02F;
  }
  SaveWeights(scratch / "w.safetensors", model->Parameters(), model->Buffers());
  const auto result =
      Adapt({kWires[0], kWires[1], "eval.calibrate=once", "eval.chips=2"});
  CHECK(result["top1"] == result["naive_top1"]);
  CHECK(result["top1"] !=
        Adapt({kWires[0], kWires[1], "eval.chips=2"})["top1"]);
}

TEST_CASE_FIXTURE(Fixture, "adapt: injected noise takes part in training") {
  const auto weights_after = [&](const std::string& inject) {
    Adapt({kWires[0], kWires[1], "adapt.epochs=1", "adapt.inject=" + inject});
    return TrainedWeights();
  };
  const Tensor plain = weights_after("none");
  const Tensor noisy = weights_after("tile");
  CHECK_FALSE(std::ranges::equal(plain.span(), noisy.span()));
  CHECK(std::ranges::equal(noisy.span(), weights_after("tile").span()));
}

TEST_CASE_FIXTURE(Fixture,
                  "adapt: wires in the loop train the network on them") {
  const auto weights_after = [&](const std::string& in_loop) {
    const auto result =
        Adapt({kWires[0], kWires[1], "adapt.epochs=1",
               "adapt.in_loop=" + in_loop, "device.wire_refresh=2"});
    CHECK(result["epochs"] == 1);
    return TrainedWeights();
  };
  const Tensor without = weights_after("false");
  const Tensor with = weights_after("true");
  CHECK_FALSE(std::ranges::equal(without.span(), with.span()));
  CHECK(std::ranges::equal(with.span(), weights_after("true").span()));
}

TEST_CASE_FIXTURE(Fixture, "adapt: never starts from what it would move") {
  Adapt({"adapt.epochs=1",
         "hw.preset=" OHM_SOURCE_DIR "/configs/hw/pytorx64.toml"});
  const std::string own = (scratch / "run/weights.safetensors").string();
  CHECK_THROWS_WITH_AS(
      Adapt({"model.weights=" + own}),
      doctest::Contains("model.weights: expected a file outside of run.dir"),
      UsageError);
  CHECK(std::filesystem::exists(own));
  // Nothing to go on with: the earlier run keeps its config.
  const std::string toml = ReadFile(scratch / "run/config.toml");
  Adapt({"train.resume=true", "device.chip=3"});
  CHECK(ReadFile(scratch / "run/earlier-1/config.toml") == toml);
  CHECK(std::filesystem::exists(scratch / "run/earlier-1/weights.safetensors"));
}

TEST_CASE_FIXTURE(Fixture, "adapt: needs a crossbar") {
  const Config digital =
      LoadConfig(scratch.Write("y.toml", "model.name = \"resnet8\"\n"),
                 {"model.weights=w.safetensors"});
  CHECK_THROWS_WITH_AS(RunAdapt(digital),
                       doctest::Contains("adapt: expected hw.preset"),
                       UsageError);
}

}  // namespace
}  // namespace ohm::train
