// Evaluation over chips: the statistics, what differs between chips, and what
// sweeps make of them.
#include "train/chips.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/check.h"
#include "core/base/file.h"
#include "nn/crossbar_policy.h"
#include "tests/support/near.h"
#include "tests/train/scratch_folder.h"
#include "train/checkpoint.h"
#include "train/commands/command.h"
#include "train/correction_cost.h"
#include "train/experiment.h"
#include "train/spread.h"
#include "train/sweep/points.h"
#include "train/sweep/results.h"

namespace ohm::train {
namespace {

const std::string kFaults = "device.stuck_at_gmin=0.1";

// A narrow ResNet with random weights on a few drawn images.
struct Fixture {
  ScratchFolder scratch;

  Fixture() {
    const Config config = Load({}, "");
    const auto model = BuildDigitalModel(config, 10);
    SaveWeights(Weights(), model->Parameters(), model->Buffers());
  }

  Config Load(std::vector<std::string> overrides, const std::string& weights) {
    const auto file = scratch.Write(
        "x.toml",
        "data.train_count = 96\ndata.test_count = 60\ntrain.batch = 32\n"
        "data.image_size = 16\ndata.crop_padding = 2\n"
        "train.calibration_batches = 1\ntrain.threads = 1\n"
        "train.lr = 0.01\nmodel.name = \"resnet8\"\nmodel.width = 4\n"
        "hw.preset = \"" OHM_SOURCE_DIR "/configs/hw/pytorx64.toml\"\n");
    overrides.insert(
        overrides.begin(),
        {"run.dir=" + (scratch / "run").string(), "model.weights=" + weights});
    return LoadConfig(file, overrides);
  }
  Config Load(std::vector<std::string> overrides) {
    return Load(std::move(overrides), Weights().string());
  }

  std::filesystem::path Weights() const { return scratch / "w.safetensors"; }

  // Logits tell chips apart where ten classes by chance do not.
  std::vector<double> Losses(const std::vector<std::string>& overrides) {
    const Config config = Load(overrides);
    const auto data = OpenData(config, config.data.set);
    const auto model = BuildModel(config, data.classes);
    std::vector<double> losses;
    for (const ChipScore& one : EvaluateChips(config, data, model.get())) {
      losses.push_back(one.score.loss);
    }
    return losses;
  }

  nlohmann::json Eval(const std::vector<std::string>& overrides) {
    return nlohmann::json::parse(ToJson(RunEval(Load(overrides))));
  }

  // Weights with converter ranges, of ideal devices.
  std::string CalibratedWeights() {
    const Config config = Load({});
    const auto data = OpenData(config, config.data.set);
    const auto model = BuildModel(config, data.classes);
    CalibrateIfNeeded(config, data, model.get());
    const auto path = scratch / "calibrated.safetensors";
    SaveWeights(path, model->Parameters(), model->Buffers());
    return path.string();
  }
};

size_t Distinct(const std::vector<double>& values) {
  return std::set<double>(values.begin(), values.end()).size();
}

}  // namespace

TEST_CASE("chips: mean, deviation, minimum and maximum of known values") {
  // By hand: the mean is 5, the squares are 9 1 1 1 0 0 4 16, 32 in all.
  const std::vector<double> values = {2, 4, 4, 4, 5, 5, 7, 9};
  const Spread spread = SpreadOf(values);
  CHECK(spread.mean == 5);
  CHECK(spread.deviation == test::Near(std::sqrt(32.0 / 7)));
  CHECK(spread.min == 2);
  CHECK(spread.max == 9);
  CHECK(std::isnan(SpreadOf(std::vector<double>{0.5}).deviation));
  CHECK(SpreadOf(std::vector<double>(3, 0.1)).deviation == 0);
  CHECK_THROWS_AS(SpreadOf({}), Error);
  const std::vector<double> shares = {0.5, 0.7};
  CHECK(FormatSpread(SpreadOf(shares)) == "60.00 ± 14.14 (50.00)");
  CHECK(FormatSpread(SpreadOf(std::vector<double>{0.5})) == "50.00 (50.00)");
}

TEST_CASE_FIXTURE(Fixture, "chips: faults differ, ideal devices do not") {
  const auto ideal = Losses({"eval.chips=2"});
  CHECK(ideal[0] == ideal[1]);
  const auto faulty = Losses({"eval.chips=3", kFaults});
  CHECK(Distinct(faulty) == 3);
  CHECK(Losses({"eval.chips=3", kFaults}) == faulty);  // to the bit
  // Numbers count from device.chip, and no chip depends on those before it.
  const auto last = Losses({"eval.chips=1", kFaults, "device.chip=2"});
  CHECK(last[0] == faulty[2]);
}

TEST_CASE_FIXTURE(Fixture, "chips: each draws its own noise of reads") {
  const std::vector<std::string> noise = {"eval.chips=3",
                                          "device.read_sigma=0.01"};
  const auto losses = Losses(noise);
  CHECK(Distinct(losses) == 3);
  CHECK(Losses(noise) == losses);
}

TEST_CASE_FIXTURE(Fixture, "chips: eval reports every chip and their spread") {
  const auto result = Eval({"eval.chips=3", kFaults, "device.chip=5"});
  REQUIRE(result["chips"].size() == 3);
  std::vector<double> tops;
  for (const auto& one : result["chips"]) {
    CHECK(one["chip"] == 5 + int64_t(tops.size()));
    CHECK(one["faulty_cells"] > 0);
    tops.push_back(one["top1"]);
  }
  const Spread spread = SpreadOf(tops);
  CHECK(result["top1"] == spread.mean);
  CHECK(result["top1_std"] == spread.deviation);
  CHECK(result["top1_min"] == spread.min);
  CHECK(result["top1_max"] == spread.max);
  CHECK(result["images"] == 60);
  CHECK(!result.contains("corrected_weights"));

  // One chip is what eval without chips gives.
  const auto once = Eval({kFaults, "device.chip=5"});
  CHECK(once["loss"] == result["chips"][0]["loss"]);
  CHECK(!once.contains("chips"));
  CHECK(Eval({"eval.chips=1"})["chips"][0]["faulty_cells"] == 0);
}

TEST_CASE_FIXTURE(Fixture, "chips: ranges of each chip, or once for all") {
  const std::vector<std::string> words = {"eval.chips=2", kFaults};
  const auto each = Losses(words);
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), words.begin(), words.end());
    return Losses(more);
  };
  const auto once = with({"eval.calibrate=once"});
  CHECK(once != each);
  // Once is with the ranges of ideal devices, or those of the weights; each
  // does not care whether the weights carry some.
  const std::string weights = "model.weights=" + CalibratedWeights();
  CHECK(with({"eval.calibrate=once", weights}) == once);
  CHECK(with({weights}) == each);
}

TEST_CASE_FIXTURE(Fixture, "chips: what the digital correction costs") {
  const auto plain = Eval({kFaults, "hw.stuck_correction=plain"});
  // A weight has two cells, each stuck with probability 0.1; one that holds
  // g_min anyway needs nothing: at least one of the two always does.
  const double share = plain["corrected_share"];
  CHECK(share == test::Near(0.1, 0.2));
  const double macs = double(plain["digital_multiply_adds"]) /
                      double(plain["analog_multiply_adds"]);
  CHECK(macs == test::Near(share, 0.2));

  // First layer by hand: 3x3 kernels on 3 channels, 4 outputs, 16x16 pixels.
  const Config config = Load({});
  const auto data = OpenData(config, config.data.set);
  const auto model = BuildModel(config, data.classes);
  CHECK_THROWS_AS(CostOfCorrection(model.get()), Error);
  CalibrateIfNeeded(config, data, model.get());
  const CorrectionCost cost = CostOfCorrection(model.get());
  CHECK(cost.corrected == 0);
  CHECK(cost.digital == 0);
  CHECK(cost.weights > 0);
  const auto leaves = nn::CrossbarLeaves(model.get());
  CHECK(leaves.front().policy->pixels() == 16 * 16);
  CHECK(leaves.back().policy->pixels() == 1);  // linear
  CHECK(leaves.front().policy->written()->weight_shape.count() == 108);
}

// Of weights that were trained where the geometry gives the ADC ranges.
TEST_CASE_FIXTURE(Fixture, "eval: weights with some ranges get the others") {
  const Config config = Load({"hw.calibration=full_scale"});
  const auto data = OpenData(config, config.data.set);
  const auto model = BuildModel(config, data.classes);
  CalibrateIfNeeded(config, data, model.get());
  const auto path = scratch / "inputs.safetensors";
  SaveWeights(path, model->Parameters(), model->Buffers());
  const auto loss = [&](const std::string& bits, const std::string& anew) {
    return Eval({"model.weights=" + path.string(), "hw.calibration=max",
                 "hw.adc_bits=" + bits, "model.recalibrate=" + anew})["loss"]
        .get<double>();
  };
  CHECK(loss("3", "false") == loss("3", "true"));
  CHECK(loss("3", "false") != loss("8", "false"));
}

TEST_CASE_FIXTURE(Fixture, "chips: what is fitted to them does not stay") {
  const Config config =
      Load({"eval.chips=2", "device.r_row=20", "adapt.gain=column",
            "adapt.norm_batches=2", "adapt.profile_batches=1"});
  const auto data = OpenData(config, config.data.set);
  const auto model = BuildModel(config, data.classes);
  std::vector<Tensor> before;
  for (const auto& b : model->Buffers()) {
    if (b.name.find(".crossbar.") == std::string::npos) {
      before.push_back(b.tensor->Clone());
    }
  }
  EvaluateChips(config, data, model.get());
  size_t i = 0;
  for (const auto& b : model->Buffers()) {
    if (b.name.find(".crossbar.") != std::string::npos) continue;
    CAPTURE(b.name);
    CHECK(BitEqual(*b.tensor, before[i++]));
  }
  for (const auto& leaf : nn::CrossbarLeaves(model.get())) {
    CHECK_FALSE(leaf.policy->column_gain().defined());
  }
}

TEST_CASE_FIXTURE(Fixture, "chips: without a crossbar there are none") {
  const auto digital = scratch.Write("d.toml", "");
  const std::string weights = "model.weights=" + Weights().string();
  const auto fails = [&](Metrics (*run)(const Config&),
                         const std::vector<std::string>& words) {
    return MessageOf<UsageError>([&] { run(LoadConfig(digital, words)); });
  };
  CHECK(Contains(fails(RunEval, {weights, "eval.chips=2"}),
                 "eval.chips: expected hw.preset"));
  CHECK(Contains(fails(RunSweep, {weights, "sweep.chips=2",
                                  R"(sweep.grid=["data.seed=1"])"}),
                 "sweep.chips: expected hw.preset"));
  CHECK(Contains(MessageOf<UsageError>([&] { Load({"eval.chips=10001"}); }),
                 "eval.chips: expected an integer in 0..10000, got 10001"));
  CHECK(Contains(MessageOf<UsageError>([&] { Load({"eval.calibrate=twice"}); }),
                 "eval.calibrate: expected one of each, once"));
  CHECK(Contains(MessageOf<UsageError>([&] {
                   SweepPoints(Load({R"(sweep.grid=["eval.chips=1"])"}));
                 }),
                 "sweep.chips stands for it"));
}

TEST_CASE_FIXTURE(Fixture, "chips: a sweep keeps every chip, and resumes") {
  const std::vector<std::string> words = {
      R"(sweep.grid=["device.stuck_at_gmin=0.0,0.1"])", "sweep.chips=2"};
  const auto measured = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = words;
    all.insert(all.end(), more.begin(), more.end());
    for (const auto& [name, value] : RunSweep(Load(all))) {
      if (name == "measured") return std::get<int64_t>(value);
    }
    return int64_t{-1};
  };
  CHECK(measured({}) == 2);
  const std::string log = ReadFile(scratch / "run/sweep.jsonl");
  const auto line =
      nlohmann::json::parse(log.substr(log.find('\n') + 1));  // the second
  const std::vector<double> chips = line["calibrated_chips"];
  REQUIRE(chips.size() == 2);
  CHECK(line["calibrated_top1"] == SpreadOf(chips).mean);
  CHECK(line["calibrated_std"] == SpreadOf(chips).deviation);
  CHECK(line["calibrated_min"] == SpreadOf(chips).min);
  CHECK(!line.contains("trained_top1"));
  const auto eval = Eval({"eval.chips=2", kFaults});
  CHECK(eval["chips"][1]["top1"] == chips[1]);

  // Stopped behind the first point.
  WriteFileAtomically(scratch / "run/sweep.jsonl",
                      log.substr(0, log.find('\n') + 1));
  CHECK(measured({}) == 1);
  CHECK(measured({}) == 0);
  // Other chips are other results, one evaluation is another, too.
  CHECK(measured({"sweep.chips=3"}) == 2);
  CHECK(measured({"sweep.chips=0"}) == 2);
  CHECK(measured({"eval.chips=7"}) == 0);  // sweep.chips stands for it
}

TEST_CASE_FIXTURE(Fixture, "chips: a sweep trains once and judges by all") {
  RunSweep(Load({R"(sweep.grid=["hw.adc_bits=8"])", "sweep.chips=2",
                 "sweep.epochs=1", kFaults}));
  const auto line =
      nlohmann::json::parse(ReadFile(scratch / "run/sweep.jsonl"));
  CHECK(line["calibrated_chips"].size() == 2);
  CHECK(line["trained_chips"].size() == 2);
  std::filesystem::path folder;
  for (const auto& one : std::filesystem::directory_iterator(scratch / "run")) {
    if (one.is_directory()) folder = one.path();
  }
  // The trained weights, evaluated by themselves.
  const auto eval =
      Eval({"eval.chips=2", kFaults, "hw.adc_bits=8",
            "model.weights=" + (folder / "weights.safetensors").string()});
  for (size_t i = 0; i < 2; ++i) {
    CHECK(eval["chips"][i]["top1"] == line["trained_chips"][i]);
  }
}

TEST_CASE_FIXTURE(Fixture, "chips: table and plot of a sweep") {
  const auto points =
      SweepPoints(Load({R"(sweep.grid=["device.frequency=1e7,1e8,1e9"])"}));
  std::vector<SweepResult> results(3, {0.6, NAN, 61, {0.5, 0.7}, {}});
  const std::string table = SweepTable(points, results);
  CHECK(Contains(table, "calibrated [%, ± std (min)]"));
  CHECK(Contains(table, "60.00 ± 14.14 (50.00)"));
  Plot plot = SweepPlot("device.frequency", points, results);
  CHECK(plot.x.log);
  REQUIRE(plot.series.size() == 1);
  CHECK(plot.series[0].error[2] == test::Near(14.1421356));
  CHECK(Contains(PlotScript(plot, "a.svg"), "yerrorbars"));
  plot = SweepPlot("", points, results);  // bars
  CHECK(!plot.x.log);
  CHECK(plot.series[0].error.size() == 3);
  CHECK(Contains(PlotScript(plot, "a.svg"), "yerrorbars"));
  results.assign(3, {0.6});
  plot = SweepPlot("device.frequency", points, results);
  CHECK(!Contains(PlotScript(plot, "a.svg"), "yerrorbars"));
}

}  // namespace ohm::train
