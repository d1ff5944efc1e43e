#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/file.h"
#include "hw/kernels/tile.h"
#include "tests/support/data.h"
#include "tests/train/scratch_folder.h"
#include "train/checkpoint.h"
#include "train/commands/command.h"
#include "train/config_keys.h"
#include "train/experiment.h"

namespace ohm::test {
namespace {

using train::ScratchFolder;

struct Outcome {
  int code;
  std::string out, err;
};

// Runs the built program as a person would. `before`: what the shell reads
// before its name.
Outcome Run(const std::string& words, const std::string& before = "") {
  const ScratchFolder scratch;
  const std::string out = (scratch.path() / "out").string();
  const std::string err = (scratch.path() / "err").string();
  const int status =
      std::system((before + OHM_BINARY_DIR "/train/ohmgrad " + words + " >" +
                   out + " 2>" + err + " </dev/null")
                      .c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadFile(out),
          ReadFile(err)};
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const std::string kDemo = OHM_SOURCE_DIR "/configs/demo.toml";

TEST_CASE("wrong words end with exit code 2 and one sentence") {
  for (const std::string& words :
       {std::string("trian ") + kDemo, std::string("train"),
        "train " + kDemo + " " + kDemo, "train " + kDemo + " --bogus",
        "train " + kDemo + " --set train.epoch=3",
        "train " + kDemo + " --set train.epochs=none", "eval " + kDemo,
        "sweep " + kDemo, "sweep " + kDemo + " --set sweep.grid=hw.rows=32",
        std::string("list everything"), std::string("bench nothing")}) {
    INFO("words: ", words);
    const Outcome outcome = Run(words);
    CHECK(outcome.code == 2);
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  }
  CHECK(Has(Run("trian x").err, "did you mean 'train'?"));
  CHECK(Run("list everything").err ==
        "ohmgrad: list: expected nothing or 'keys', got 'everything'\n");
}

TEST_CASE("the version names the kernels that this machine gets") {
  const Outcome outcome = Run("--version");
  CHECK(outcome.code == 0);
  CHECK(outcome.out.starts_with("ohmgrad "));
  const auto& kernels = hw::TileKernelVariants();
  const auto best =
      std::ranges::find_if(kernels, [](const auto& k) { return k.supported; });
  CHECK(Has(outcome.out, std::string("array kernels     ") + best->name));
}

TEST_CASE("failures end with exit code 1 and leave no half-written file") {
  const ScratchFolder scratch;
  const std::string run = " --set run.dir=" + (scratch.path() / "r").string();
  Outcome outcome = Run("train " + kDemo + run + " --set data.set=cifar10" +
                        " --set data.root=" + scratch.path().string());
  CHECK(outcome.code == 1);
  CHECK(Has(outcome.err, "cifar-10-batches-bin"));
  scratch.Write("broken.safetensors", "not a file of tensors");
  outcome = Run("eval " + kDemo + run + " --set model.weights=" +
                (scratch.path() / "broken.safetensors").string());
  CHECK(outcome.code == 1);
  CHECK(Has(outcome.err, "broken.safetensors"));
  outcome = Run("train " + kDemo + " --set run.dir=/proc/nothing");
  CHECK(outcome.code == 1);
  CHECK(Has(outcome.err, "/proc/nothing"));
}

// oneDNN numbers AVX2 with VNNI above the first AVX-512. A processor without
// either falls back to less.
TEST_CASE("bf16 is refused where a processor has no AVX-512") {
  for (const std::string isa : {"AVX2", "AVX2_VNNI"}) {
    INFO("instructions: ", isa);
    const ScratchFolder scratch;
    // An earlier run stays where it is.
    const auto earlier = scratch.Write("weights.safetensors", "earlier");
    const Outcome outcome = Run(
        "train " + kDemo +
            " --set train.dtype=bf16 --set run.dir=" + scratch.path().string(),
        "ONEDNN_MAX_CPU_ISA=" + isa + " ");
    CHECK(outcome.code == 1);
    CHECK(Has(outcome.err, "bf16 needs a processor with AVX-512"));
    CHECK(ReadFile(earlier) == "earlier");
  }
}

// Stacks of 4 GB each in 16 GB of addresses.
TEST_CASE("threads that cannot start are said") {
  rlimit stack{};
  REQUIRE(getrlimit(RLIMIT_STACK, &stack) == 0);
  if (stack.rlim_max < rlim_t{4096000000}) {
    MarkSkipped("stacks of 4 GB are not allowed here");
    return;
  }
  const ScratchFolder scratch;
  const Outcome outcome =
      Run("train " + kDemo + " --set data.workers=64 --set run.dir=" +
              (scratch.path() / "r").string(),
          "ulimit -Ss 4000000 && ulimit -v 16000000 && OMP_STACKSIZE=1M ");
  CHECK(outcome.code == 1);
  CHECK(Has(outcome.err, "data.workers: expected 64 threads to start, got"));
}

TEST_CASE("every command explains itself and map prints JSON last") {
  CHECK(Run("--help").code == 0);
  for (const char* command :
       {"train", "eval", "tasks compare", "map", "stats", "sweep"}) {
    const Outcome outcome = Run(std::string(command) + " --help");
    CHECK(outcome.code == 0);
    CHECK(Has(outcome.out, "hw.adc_bits"));
    const bool trains = command != std::string("map");
    CHECK(Has(outcome.out, "train.epochs") == trains);
    const bool tasks = command == std::string("tasks compare");
    CHECK(Has(outcome.out, "tasks.budget") == tasks);
  }
  // Every section or key that a row names is one, and every key is some row's.
  train::Config defaults;
  std::set<std::string> named;
  for (const auto& row : train::CommandTable()) {
    for (const std::string name : row.sections) {
      named.insert(name);
      const bool key = name.find('.') != std::string::npos;
      CHECK(
          Has(train::KeyHelp(), key ? "  " + name + " = " : "[" + name + "]"));
    }
  }
  for (const auto& row : train::KeyRows(&defaults)) {
    CHECK(named.contains(row.name.substr(0, row.name.find('.'))));
  }
  CHECK(Has(Run("list").out, "resnet20"));
  const Outcome map = Run("map " OHM_SOURCE_DIR
                          "/configs/resnet20_cifar10_crossbar.toml --json");
  CHECK(map.code == 0);
  const size_t last = map.out.rfind('\n', map.out.size() - 2) + 1;
  const auto report = nlohmann::json::parse(map.out.substr(last));
  CHECK(report["arrays"] == 196);
  CHECK(report["pes"] == 98);  // both arms of a tile
  REQUIRE(report["layers"].size() == 20);
  CHECK(report["layers"][1]["layer"] == "layer1.0.conv1");
  CHECK(report["layers"][1]["arrays"] == 6);
  CHECK(report["layers"][1]["used_cells"] == 2 * 144 * 16);
}

TEST_CASE("every preset maps, and only what a crossbar can be is taken") {
  for (const char* preset :
       {"pytorx64", "isaac128", "prime256", "neurosim128", "ideal"}) {
    const Outcome map = Run("map " OHM_SOURCE_DIR
                            "/configs/resnet20_cifar10_crossbar.toml "
                            "--set hw.preset=" +
                            std::string(preset));
    INFO("preset ", std::string(preset));
    CHECK(map.code == 0);
  }
  const Outcome wrong = Run("map " OHM_SOURCE_DIR
                            "/configs/resnet20_cifar10_crossbar.toml "
                            "--set hw.preset=isaac128 --set hw.columns=3");
  CHECK(wrong.code == 2);
  CHECK(Has(wrong.err, "hw.columns"));
  CHECK(Has(wrong.err, "expected at least 4, the slices of one weight"));
}

TEST_CASE("stats of noisy reads do not depend on how images are batched") {
  const ScratchFolder scratch;
  train::Config config = train::LoadConfig(
      OHM_SOURCE_DIR "/configs/demo.toml",
      {"run.dir=" + scratch.path().string(), "data.train_count=64",
       "data.test_count=30", "eval.stats_images=24", "model.width=4",
       "train.batch=32", "train.epochs=1", "train.threads=1",
       "device.read_sigma=0.05"});
  const auto weights = (scratch.path() / "w.safetensors").string();
  {
    const auto model = train::BuildDigitalModel(config, 10);
    train::SaveWeights(weights, model->Parameters(), model->Buffers());
    config.model.weights = weights;
  }
  std::vector<std::string> statistics;
  for (const int batch : {24, 8, 10}) {
    config.eval.batch = batch;
    train::RunStats(config);
    statistics.push_back(ReadFile(scratch.path() / "statistics.json"));
  }
  CHECK(statistics[0] == statistics[1]);
  CHECK(statistics[0] == statistics[2]);  // the last batch in part
  CHECK(Has(statistics[0], "histogram"));
}

TEST_CASE("stats counts every conversion of every layer") {
  const ScratchFolder scratch;
  const std::string small =
      " " + kDemo +
      " --json --set model.name=resnet8 --set data.train_count=64 "
      "--set data.test_count=20 --set eval.stats_images=20 "
      "--set eval.batch=10 --set train.batch=32 --set train.epochs=1 "
      "--set run.dir=" +
      scratch.path().string();
  REQUIRE(Run("train" + small + " --set hw.preset=").code == 0);
  const Outcome untrained = Run("stats" + small);
  CHECK(untrained.code == 2);
  CHECK(Has(untrained.err, "model.weights: expected the weights"));
  const Outcome stats = Run("stats" + small + " --set model.weights=" +
                            (scratch.path() / "weights.safetensors").string());
  REQUIRE(stats.code == 0);
  const size_t last = stats.out.rfind('\n', stats.out.size() - 2) + 1;
  const auto layers = nlohmann::json::parse(stats.out.substr(last))["layers"];
  REQUIRE(layers.size() == 8);
  const auto tiles = nlohmann::json::parse(
      ReadFile(scratch.path() / "statistics.json"))["layers"];
  for (size_t i = 0; i < layers.size(); ++i) {
    int64_t conversions = 0, counted = 0;
    for (const auto& tile : tiles[i]["tiles"]) {
      conversions += tile["conversions"].get<int64_t>();
      for (const auto& bin : tile["histogram"]) {
        counted += bin["count"].get<int64_t>();
      }
      CHECK(tile["range_used"] > 0.1);
    }
    CHECK(layers[i]["conversions"] == conversions);
    CHECK(counted == conversions);
  }
}

TEST_CASE("--chips is short for a key, of the commands that use it") {
  const ScratchFolder scratch;
  const std::string small =
      " " + kDemo +
      " --json --set model.name=resnet8 --set model.width=4 "
      "--set data.train_count=64 --set data.test_count=20 --set train.epochs=1 "
      "--set data.image_size=16 --set train.batch=32 --set train.threads=1 "
      "--set run.dir=" +
      scratch.path().string();
  REQUIRE(Run("train" + small + " --set hw.preset=").code == 0);
  const std::string weights =
      small + " --set device.stuck_at_gmin=0.1 --set model.weights=" +
      (scratch.path() / "weights.safetensors").string();
  const Outcome chips = Run("eval" + weights + " --chips 2");
  REQUIRE(chips.code == 0);
  CHECK(Has(chips.out, "faulty cells"));
  CHECK(Has(chips.out, "over 2 chips of 20 test images each"));
  CHECK(Has(chips.out, "\"top1_std\":"));
  CHECK(chips.out == Run("eval" + weights + " --set eval.chips=2").out);
  CHECK(chips.out == Run("eval" + weights + " --chips=2").out);
  CHECK(chips.out ==
        Run("eval --set eval.chips=3 --chips 2" + weights).out);  // the last
  CHECK(Has(Run("eval --help").out, "--chips N"));
  CHECK(Has(Run("sweep --help").out, "sweep.chips=N"));
  for (const std::string& words :
       {"train" + weights + " --chips 2", "eval" + weights + " --chips",
        "eval" + weights + " --chips two"}) {
    INFO("words: ", words);
    const Outcome outcome = Run(words);
    CHECK(outcome.code == 2);
    CHECK(Has(outcome.err, "chips"));
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  }
}

TEST_CASE("docs/config.md lists the keys as they are") {
  CHECK(ReadFile(OHM_SOURCE_DIR "/docs/config.md") == train::KeyMarkdown());
}

}  // namespace
}  // namespace ohm::test
