// Sweeps: their points, their results, and that they go on where they stopped.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/check.h"
#include "core/base/file.h"
#include "tests/train/scratch_folder.h"
#include "train/checkpoint.h"
#include "train/commands/command.h"
#include "train/experiment.h"
#include "train/sweep/points.h"
#include "train/sweep/results.h"
#include "train/trainers/backbone.h"

namespace ohm::train {
namespace {

// A narrow ResNet with random weights on a few drawn images, and a config file
// that names them.
struct Fixture {
  ScratchFolder scratch;

  Config Load(std::vector<std::string> overrides = {}) {
    const auto file = scratch.Write(
        "x.toml",
        "data.train_count = 128\ndata.test_count = 60\ntrain.batch = 32\n"
        "train.calibration_batches = 2\ntrain.threads = 2\n"
        "train.lr = 0.01\nmodel.name = \"resnet8\"\nmodel.width = 4\n"
        "hw.preset = \"" OHM_SOURCE_DIR "/configs/hw/pytorx64.toml\"\n");
    overrides.push_back("run.dir=" + (scratch / "run").string());
    overrides.push_back("model.weights=" + Weights().string());
    return LoadConfig(file, overrides);
  }

  std::filesystem::path Weights() const { return scratch / "w.safetensors"; }

  // Random weights; another seed makes others.
  void SaveRandomWeights(int64_t seed = 1) {
    Config config = Load();
    config.train.seed = seed;
    config.model.weights.clear();
    const auto model = BuildDigitalModel(config, 10);
    SaveWeights(Weights(), model->Parameters(), model->Buffers());
  }

  std::filesystem::path Run(const std::string& name) const {
    return scratch / ("run/" + name);
  }

  // The message of a sweep with these overrides.
  std::string Fails(const std::vector<std::string>& overrides) {
    return MessageOf<UsageError>([&] { SweepPoints(Load(overrides)); });
  }
};

std::vector<std::string> Labels(const std::vector<SweepPoint>& points) {
  std::vector<std::string> labels;
  for (const SweepPoint& point : points) labels.push_back(point.Label());
  return labels;
}

template <typename T>
T Get(const Metrics& metrics, const std::string& key) {
  for (const auto& [name, value] : metrics) {
    if (name == key) return std::get<T>(value);
  }
  FAIL("no metric is called ", key);
  return {};
}

size_t Lines(const std::filesystem::path& file) {
  const std::string text = ReadFile(file);
  return size_t(std::ranges::count(text, '\n'));
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "sweep: a grid and single points become points") {
  const auto points = SweepPoints(
      Load({R"(sweep.grid=["hw.adc_bits=4, 6,8", "hw.rows=32,64"])",
            R"(sweep.points=["train.lr=0.5;data.mean=[0.1, 0.2, 0.3];)"
            R"(data.std=[1, 1, 1]", "hw.adc_bits=5 hw.columns=32"])",
            "sweep.epochs=2"}));
  CHECK(Labels(points) ==
        std::vector<std::string>{
            "hw.adc_bits=4 hw.rows=32", "hw.adc_bits=4 hw.rows=64",
            "hw.adc_bits=6 hw.rows=32", "hw.adc_bits=6 hw.rows=64",
            "hw.adc_bits=8 hw.rows=32", "hw.adc_bits=8 hw.rows=64",
            "train.lr=0.5 data.mean=[0.1, 0.2, 0.3] data.std=[1, 1, 1]",
            "hw.adc_bits=5 hw.columns=32"});
  CHECK(points[2].Label("hw.rows") == "hw.adc_bits=6");
  CHECK(points[2].config.hw.adc_bits == 6);
  CHECK(points[2].config.hw.rows == 32);
  CHECK(points[2].config.model.name == "resnet8");
  CHECK(points[2].config.train.epochs == 2);
  CHECK(points[6].config.data.mean == std::vector<double>{0.1, 0.2, 0.3});
  CHECK(points[7].config.hw.columns == 32);
  CHECK(points[5].from_grid);
  CHECK(!points[6].from_grid);
}

TEST_CASE_FIXTURE(Fixture, "sweep: a point's training goes on, too") {
  SaveRandomWeights();
  const Config config =
      Load({R"(sweep.grid=["hw.adc_bits=8"])", "sweep.epochs=1"});
  RunSweep(config);
  const std::string log = ReadFile(scratch / "run/sweep.jsonl");
  // As one leaves it that is stopped behind its last checkpoint.
  std::filesystem::path folder;
  for (const auto& entry :
       std::filesystem::directory_iterator(scratch / "run")) {
    if (entry.is_directory()) folder = entry.path();
  }
  std::filesystem::remove(scratch / "run/sweep.jsonl");
  std::filesystem::remove_all(folder);
  {
    Config own = SweepPoints(config)[0].config;
    const auto data = OpenData(own, own.data.set);
    const auto model = BuildModel(own, data.classes);
    CalibrateIfNeeded(own, data, model.get());
    TrainBackbone(own, data, model.get(), RunFolder(folder));
    std::filesystem::remove(folder / "weights.safetensors");
  }
  RunSweep(config);
  const auto top1 = [](const std::string& line) {
    return nlohmann::json::parse(line).at("trained_top1").get<double>();
  };
  CHECK(top1(ReadFile(scratch / "run/sweep.jsonl")) == top1(log));
  CHECK(ReadFile(folder / "metrics.jsonl").find("\"epoch\":1") !=
        std::string::npos);
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(scratch / "run")) {
    CHECK(entry.path().filename() != "earlier-1");
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "sweep: a preset comes before a point's other keys") {
  const std::string ideal =
      "hw.preset=" OHM_SOURCE_DIR "/configs/hw/ideal.toml";
  const auto points =
      SweepPoints(Load({"sweep.points=[\"hw.adc_bits=5 " + ideal + "\"]"}));
  CHECK(points[0].config.hw.adc_bits == 5);
  CHECK(points[0].config.hw.dac_bits == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "sweep: wrong words name their key in one sentence") {
  struct Bad {
    std::vector<std::string> overrides;
    const char* key;
    const char* says;
  };
  const std::vector<Bad> table = {
      {{}, "sweep.grid: ", "expected at least one item"},
      {{R"(sweep.grid=["hw.adc_bits"])"},
       "sweep.grid: ",
       "got \"hw.adc_bits\""},
      {{R"(sweep.grid=["hw.adc_bits="])"}, "sweep.grid: ", "hw.adc_bits=4,6,8"},
      {{R"(sweep.grid=["=4"])"}, "sweep.grid: ", "got \"=4\""},
      {{R"(sweep.grid=["hw.adc_bits=4,,5"])"}, "sweep.grid: ", "empty value"},
      {{R"(sweep.grid=["hw.adc_bits=4,"])"}, "sweep.grid: ", "empty value"},
      {{R"(sweep.grid=["hw.adc_bits=4,5,4"])"},
       "sweep.grid: ",
       "hw.adc_bits=4 twice"},
      {{R"(sweep.grid=["hw.rows=4", "hw.rows=8"])"},
       "sweep.grid: ",
       "hw.rows twice"},
      {{R"(sweep.grid=["hw.adc_bits=4,99"])"},
       "sweep.grid: ",
       "hw.adc_bits: expected an integer in 0..16, got 99"},
      {{R"(sweep.grid=["hw.adc_bit=4"])"},
       "sweep.grid: ",
       "did you mean 'hw.adc_bits'?"},
      {{R"(sweep.grid=["hw.weight_bits=1"])"},
       "sweep.grid: ",
       "hw.weight_bits: expected 0 (ideal)"},
      {{R"(sweep.grid=["run.dir=a,b"])"}, "sweep.grid: ", "run.dir does not"},
      {{R"(sweep.grid=["train.epochs=1,2"])"}, "sweep.grid: ", "sweep.epochs"},
      {{R"(sweep.grid=["adapt.norm_batches=0,40"])"},
       "sweep.grid: ",
       "adapt.norm_batches does not without sweep.chips"},
      {{R"(sweep.grid=["train.lr=0.1,0.2"])"},
       "sweep.grid: ",
       "train.lr does not without sweep.epochs"},
      {{R"(sweep.grid=["model.recalibrate=true,false"])"},
       "sweep.grid: ",
       "model.recalibrate does not without sweep.chips"},
      {{R"(sweep.grid=["eval.stats_images=10,20"])"},
       "sweep.grid: ",
       "eval.stats_images does not"},
      {{R"(sweep.points=["hw.rows"])"}, "sweep.points: ", "got \"hw.rows\""},
      {{R"(sweep.points=[" "])"}, "sweep.points: ", "got \" \""},
      {{R"(sweep.points=["hw.rows=4 hw.rows=4"])"},
       "sweep.points: ",
       "hw.rows twice"},
      {{R"(sweep.points=["hw.preset=nothing"])"},
       "sweep.points: ",
       "nothing.toml"},
      {{R"(sweep.grid=["hw.rows=32"])", "sweep.plot_x=hw.adc_bits"},
       "sweep.plot_x: ",
       "expected a key of sweep.grid"},
  };
  for (const Bad& bad : table) {
    const std::string message = Fails(bad.overrides);
    CAPTURE(message);
    CHECK(Contains(message, bad.key));
    CHECK(Contains(message, bad.says));
    CHECK(!Contains(message, "\n"));
  }
  Config config = Load({R"(sweep.grid=["hw.rows=32"])", "model.weights="});
  config.model.weights.clear();
  config.overrides.push_back("model.weights=");
  CHECK(Contains(MessageOf<UsageError>([&] { RunSweep(config); }),
                 "model.weights: expected the weights"));
  CHECK(!std::filesystem::exists(Run("")));
}

TEST_CASE_FIXTURE(Fixture, "sweep: calibrated gives what eval gives") {
  SaveRandomWeights();
  const std::string grid = R"(sweep.grid=["hw.adc_bits=3,8","hw.rows=32,64"])";
  const Config config = Load({grid});
  const Metrics metrics = RunSweep(config);
  CHECK(Get<int64_t>(metrics, "points") == 4);
  CHECK(Get<int64_t>(metrics, "measured") == 4);
  CHECK(Get<std::string>(metrics, "run_dir") == config.run.dir);

  const SweepLog log(Run("sweep.jsonl"));
  std::set<double> seen;
  for (const SweepPoint& point : SweepPoints(config)) {
    const std::string label = point.Label();
    CAPTURE(label);
    const SweepResult* result = log.Find(SweepPointHash(point));
    REQUIRE(result != nullptr);
    CHECK(std::isnan(result->trained_top1));
    const Metrics eval = RunEval(
        Load({point.overrides[0].first + "=" + point.overrides[0].second,
              point.overrides[1].first + "=" + point.overrides[1].second}));
    CHECK(result->calibrated_top1 == Get<double>(eval, "top1"));
    seen.insert(result->calibrated_top1);
  }
  CHECK(seen.size() > 1);  // the points are not all the same network
  const std::string svg = ReadFile(Run("sweep.svg"));
  CHECK(Contains(svg, "hw.adc_bits [bits]"));
  CHECK(Contains(svg, "hw.rows=32, calibrated"));
  CHECK(ReadFile(Run("config.toml")) == ResolvedToml(config));
  CHECK(std::distance(std::filesystem::directory_iterator(config.run.dir),
                      std::filesystem::directory_iterator()) ==
        4);  // the plot's script as well, no point's folder
}

// Ranges in the file are those of one of the points.
TEST_CASE_FIXTURE(Fixture, "sweep: every point is calibrated") {
  SaveRandomWeights();
  const std::string grid =
      R"(sweep.grid=["hw.calibration=max,percentile","hw.adc_bits=3"])";
  const auto losses = [&](const Config& config) {
    RunSweep(config);
    std::vector<double> top1;
    const SweepLog log(Run("sweep.jsonl"));
    for (const SweepPoint& point : SweepPoints(config)) {
      top1.push_back(log.Find(SweepPointHash(point))->calibrated_top1);
    }
    return top1;
  };
  const auto plain = losses(Load({grid}));
  const Config one = Load({"hw.adc_bits=3"});
  const auto data = OpenData(one, one.data.set);
  const auto model = BuildModel(one, data.classes);
  CalibrateIfNeeded(one, data, model.get());
  SaveWeights(Weights(), model->Parameters(), model->Buffers());
  CHECK(losses(Load({grid})) == plain);
}

TEST_CASE_FIXTURE(Fixture, "sweep: a training's config is not replaced") {
  SaveRandomWeights();
  const auto overrides = R"(sweep.grid=["hw.adc_bits=4"])";
  for (const char* left : {"weights.safetensors", "state.safetensors"}) {
    CAPTURE(left);
    std::filesystem::remove_all(scratch / "run");
    std::filesystem::create_directories(scratch / "run");
    WriteFileAtomically(Run(left), std::string("of a training"));
    WriteFileAtomically(Run("config.toml"), std::string("its config"));
    const std::string says = std::string("a training has left ") + left;
    CHECK_THROWS_WITH_AS(RunSweep(Load({overrides})),
                         doctest::Contains(says.c_str()), Error);
    CHECK(ReadFile(Run("config.toml")) == "its config");
    std::filesystem::remove(Run(left));
    RunSweep(Load({overrides}));
    CHECK(ReadFile(Run("config.toml")) != "its config");
  }
}

TEST_CASE_FIXTURE(Fixture, "sweep: nothing is touched before all is checked") {
  SaveRandomWeights();
  const std::vector<std::string> good{R"(sweep.grid=["hw.adc_bits=4"])"};
  RunSweep(Load(good));
  const std::string config = ReadFile(Run("config.toml"));
  CHECK_THROWS_WITH_AS(
      RunSweep(
          Load({"sweep.epochs=1", R"(sweep.grid=["train.batch=32,1000"])"})),
      doctest::Contains("point train.batch=1000: "), UsageError);
  CHECK_THROWS_AS(RunSweep(Load({good[0], "data.set=cifar10",
                                 "data.root=" + (scratch / "no").string()})),
                  Error);
  CHECK(ReadFile(Run("config.toml")) == config);
  CHECK(Lines(Run("sweep.jsonl")) == 1);
  // Nor does a training take its folder.
  CHECK_THROWS_WITH_AS(RunTrain(Load({"train.epochs=1"})),
                       doctest::Contains("sweep.jsonl is there"), Error);
  CHECK_THROWS_WITH_AS(RunAdapt(Load({})),
                       doctest::Contains("sweep.jsonl is there"), Error);
  CHECK(ReadFile(Run("config.toml")) == config);
}

TEST_CASE_FIXTURE(Fixture, "sweep: points that are the same are refused") {
  SaveRandomWeights();
  CHECK_THROWS_WITH_AS(
      RunSweep(Load({"sweep.grid=[\"train.threads=1,2\"]"})),
      doctest::Contains("sweep.grid: expected points that measure different "
                        "things, got train.threads=1 and train.threads=2"),
      UsageError);
  CHECK(!std::filesystem::exists(scratch / "run"));
}

// Class folders are known by where they lie, published sets by name.
TEST_CASE_FIXTURE(Fixture, "sweep: other images are another point") {
  SaveRandomWeights();
  const auto hash = [&](const std::string& set, const std::string& root) {
    return SweepPointHash(
        SweepPoints(Load({R"(sweep.grid=["hw.adc_bits=8"])", "data.set=" + set,
                          "data.root=" + root}))[0]);
  };
  CHECK(hash("folder", "/a") != hash("folder", "/b"));
  CHECK(hash("cifar10", "/a") == hash("cifar10", "/b"));
}

TEST_CASE_FIXTURE(Fixture, "sweep: finished points are skipped, changed not") {
  SaveRandomWeights();
  const auto measured = [&](const std::vector<std::string>& overrides) {
    return Get<int64_t>(RunSweep(Load(overrides)), "measured");
  };
  const std::string one = R"(sweep.grid=["hw.adc_bits=4"])";
  const std::string two = R"(sweep.grid=["hw.adc_bits=4,8"])";
  CHECK(measured({one}) == 1);
  CHECK(measured({one}) == 0);
  CHECK(measured({two}) == 1);  // other points beside it change nothing
  CHECK(measured({two, "hw.dac_bits=6"}) == 2);
  CHECK(measured({two, "hw.dac_bits=6"}) == 0);
  CHECK(measured({two}) == 0);
  CHECK(Lines(Run("sweep.jsonl")) == 4);

  // Stopped while it wrote its last line.
  std::string text = ReadFile(Run("sweep.jsonl"));
  text.resize(text.size() - 5);
  WriteFileAtomically(Run("sweep.jsonl"), text);
  CHECK(measured({two, "hw.dac_bits=6"}) == 1);
  CHECK(Lines(Run("sweep.jsonl")) == 4);

  // Measured on other images than those that are there now.
  text = ReadFile(Run("sweep.jsonl"));
  text.replace(text.rfind("\"data\":\"") + 8, 16, "0123456789abcdef");
  WriteFileAtomically(Run("sweep.jsonl"), text);
  CHECK(measured({two, "hw.dac_bits=6"}) == 1);
  CHECK(measured({two, "hw.dac_bits=6"}) == 0);

  SaveRandomWeights(2);  // the same name, another content
  CHECK(measured({two}) == 2);
}

TEST_CASE_FIXTURE(Fixture, "sweep: trains, and leaves little behind") {
  SaveRandomWeights();
  const std::vector<std::string> words = {R"(sweep.grid=["hw.adc_bits=6,8"])",
                                          R"(sweep.points=["hw.rows=32"])",
                                          "sweep.epochs=1", "train.epochs=9"};
  const Metrics first = RunSweep(Load(words));
  CHECK(Get<int64_t>(first, "measured") == 3);
  CHECK(Get<double>(first, "best_trained_top1") > 0);
  const std::string text = ReadFile(Run("sweep.jsonl"));
  CHECK(text.starts_with("{\"hw.adc_bits\":6,\"calibrated_top1\":0."));
  CHECK(Contains(text, "\"trained_top1\":0."));
  int folders = 0;
  for (const auto& entry : std::filesystem::directory_iterator(Run(""))) {
    if (!entry.is_directory()) continue;
    ++folders;
    CAPTURE(entry.path().string());
    CHECK(std::filesystem::exists(entry.path() / "weights.safetensors"));
    CHECK(!std::filesystem::exists(entry.path() / "state.safetensors"));
    CHECK(Lines(entry.path() / "metrics.jsonl") == 1);  // one epoch
    CHECK(Contains(entry.path().filename().string(), "hw."));
  }
  CHECK(folders == 3);
  CHECK(Contains(ReadFile(Run("sweep.svg")), "stroke-dasharray"));
  CHECK(Get<int64_t>(RunSweep(Load(words)), "measured") == 0);
}

TEST_CASE_FIXTURE(Fixture, "sweep: a point that diverges leaves the others") {
  SaveRandomWeights();
  // On crossbars a layer's inputs are found to be no numbers, digitally the
  // loss is.
  for (const char* hw : {"hw.adc_bits=8", "hw.preset="}) {
    const Config config =
        Load({R"(sweep.grid=["train.lr=1000,0.01"])", "sweep.epochs=4",
              "train.weight_decay=0.9", "train.schedule=constant", hw});
    std::filesystem::remove_all(config.run.dir);
    for (int i = 0; i < 2; ++i) {  // started again it is tried again
      const std::string message = MessageOf<Error>([&] { RunSweep(config); });
      CHECK(Contains(message,
                     "1 of 2 points are missing; the first: point "
                     "train.lr=1000"));
      const std::string text = ReadFile(Run("sweep.jsonl"));
      CHECK(std::ranges::count(text, '\n') == 1);
      CHECK(Contains(text, "\"train.lr\":0.01"));
      CHECK(std::filesystem::exists(Run("sweep.svg")));
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "sweep: table and plot of any points") {
  const auto points = SweepPoints(
      Load({R"(sweep.grid=["hw.rows=32,64", "hw.adc_range=layer,tile"])",
            R"(sweep.points=["hw.columns=32"])"}));
  std::vector<SweepResult> results(points.size(), {0.5, 0.75, 61});
  CHECK(SweepTable(points, results) ==
        "hw.rows  hw.adc_range  hw.columns  calibrated [%]  trained [%]  time\n"
        "--------------------------------------------------------------------\n"
        "     32         layer                       50.00        75.00  1:01\n"
        "     32          tile                       50.00        75.00  1:01\n"
        "     64         layer                       50.00        75.00  1:01\n"
        "     64          tile                       50.00        75.00  1:01\n"
        "                               32           50.00        75.00  "
        "1:01\n");

  Plot plot = SweepPlot("hw.rows", points, results);
  CHECK(plot.categories.empty());
  REQUIRE(plot.series.size() == 6);
  CHECK(plot.series[0].name == "hw.adc_range=layer, calibrated");
  CHECK(plot.series[0].pale);
  CHECK(plot.series[1].name == "hw.adc_range=layer, trained");
  CHECK(plot.series[1].color == plot.series[0].color);
  CHECK(plot.series[1].x == std::vector<double>{32, 64});
  CHECK(plot.series[1].y == std::vector<double>{75, 75});
  CHECK(plot.series[5].name == "hw.columns=32, trained");
  CHECK(plot.series[5].x == std::vector<double>{64});

  plot = SweepPlot("hw.adc_range", points, results);
  CHECK(plot.categories == std::vector<std::string>{"layer", "tile"});
  CHECK(plot.series[0].name == "hw.rows=32, calibrated");
  CHECK(std::isnan(plot.series[5].y[0]));

  plot = SweepPlot("", points, results);
  CHECK(plot.categories == Labels(points));
  REQUIRE(plot.series.size() == 2);
  CHECK(plot.series[0].name == "calibrated");
  results.assign(points.size(), {0.5});
  CHECK(SweepPlot("", points, results).series.size() == 1);
  CHECK(!Contains(SweepTable(points, results), "trained"));
}

}  // namespace ohm::train
