// The comparison of methods: what it resumes, chooses, refuses and leaves.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/base/check.h"
#include "core/base/file.h"
#include "tests/train/scratch_folder.h"
#include "tests/train/small_tasks.h"
#include "train/checkpoint.h"
#include "train/commands/command.h"
#include "train/compare/log.h"
#include "train/compare/rows.h"

namespace ohm::test {
namespace {

using train::Config;
using train::ScratchFolder;

TEST_CASE("a comparison that is started again goes on where it stopped") {
  const ScratchFolder scratch;
  const Config config = SmallTasks(
      scratch.path(),
      {"tasks.methods=bn", "tasks.length=1e",
       "tasks.variants=[\"xma tasks.lr_scale=0.01|0.1\"]", "tasks.seeds=2"});
  train::RunTasksCompare(config);
  const auto log = std::filesystem::path(config.run.dir) / "compare.jsonl";
  const std::string text = ReadFile(log);
  // A line for each training and one for each test: bn twice, of xma two
  // candidates with one test, and a second seed.
  CHECK(std::ranges::count(text, '\n') == 4 + 3 + 2);
  train::RunTasksCompare(config);
  CHECK(ReadFile(log) == text);
  const size_t last = text.rfind('\n', text.size() - 2) + 1;
  const auto lost = nlohmann::json::parse(text.substr(last));
  const std::string hash = lost.at("config").get<std::string>();
  // A test on other images than those that are there now is made again.
  auto other = lost;
  other["data"] = "0123456789abcdef";
  WriteFileAtomically(log, text.substr(0, last) + other.dump() + "\n");
  train::RunTasksCompare(config);
  CHECK(ReadFile(log) ==
        text.substr(0, last) + other.dump() + "\n" + text.substr(last));
  // So is one of converters calibrated on other images.
  other = lost;
  other["first_data"] = "0123456789abcdef";
  WriteFileAtomically(log, text.substr(0, last) + other.dump() + "\n");
  train::RunTasksCompare(config);
  CHECK(ReadFile(log) ==
        text.substr(0, last) + other.dump() + "\n" + text.substr(last));
  // A line that is lost is trained again, to the same values.
  std::string without;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(hash) == std::string::npos) without += line + "\n";
  }
  WriteFileAtomically(log, without);
  CHECK(train::CompareLog(log).Find(hash) == nullptr);
  train::RunTasksCompare(config);
  const train::CompareLog again(log);
  REQUIRE(again.Find(hash) != nullptr);
  CHECK(again.Find(hash)->test == lost.at("test_top1").get<double>());
  CHECK(again.Find(hash)->validation ==
        lost.at("validation_top1").get<double>());
  CHECK(again.Find(hash)->steps == lost.at("step").get<int64_t>());
  const auto tables = ReadFile(log.parent_path() / "tables.txt");
  CHECK(tables.find("of bn to full") != std::string::npos);
  const auto rows = train::CompareRows(config);
  CHECK(rows.size() == 2);
  CHECK(rows[1].label == "xma");
  CHECK(rows[1].candidates.size() == 2);
  // Starting over takes nothing away.
  const std::string file = lost.at("file").get<std::string>();
  const std::string task = ReadFile(log.parent_path() / "tasks" / file);
  train::RunTasksCompare(SmallTasks(
      scratch.path(), {"tasks.methods=bn", "tasks.length=3s", "tasks.seeds=1",
                       "tasks.validate_every=3s", "tasks.resume=false"}));
  const auto aside = log.parent_path() / "earlier-1";
  CHECK(ReadFile(aside / "tasks" / file) == task);
  CHECK(ReadFile(aside / "tables.txt") == tables);
}

// Ranges that come with the weights do not follow from them.
TEST_CASE("a comparison knows converter ranges that weights bring") {
  const ScratchFolder scratch;
  const Config config =
      SmallTasks(scratch.path(), {"tasks.methods=bn", "tasks.length=3s",
                                  "tasks.seeds=1", "tasks.validate_every=3s"});
  train::RunTasksCompare(config);
  LeftBackbone left(config);
  const auto run = scratch.path() / "again";
  const auto log = [&] { return ReadFile(run / "compare.jsonl"); };
  const auto file = scratch.path() / "with_ranges.safetensors";
  std::string lines;
  for (const float factor : {1.0F, 0.25F}) {
    for (const auto& b : left.model->Buffers()) {
      if (!b.name.ends_with("adc_range")) continue;
      for (float& r : b.tensor->span()) r *= factor;
    }
    train::SaveWeights(file, left.model->Parameters(), left.model->Buffers());
    Config own = config;
    own.model.weights = file.string();
    own.run.dir = run.string();
    train::RunTasksCompare(own);
    CHECK(log().size() > lines.size());
    lines = log();
  }
}

// From its fifth step on nothing is learned any more, so that the best look is
// the second at the latest.
TEST_CASE("validation chooses the moment, the earlier of equals") {
  const ScratchFolder scratch;
  const Config config = SmallTasks(
      scratch.path(),
      {"tasks.methods=head", "train.epochs=1", "tasks.length=8s",
       "tasks.validate_every=2s", "tasks.schedule=step", "tasks.step_every=4s",
       "tasks.step_factor=1e-9", "tasks.lr_head=0.02"});
  train::RunTasksCompare(config);
  const std::filesystem::path folder = config.run.dir;
  std::istringstream lines(ReadFile(folder / "metrics.jsonl"));
  double best = -1;
  int64_t moment = 0, looks = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    if (!json.contains("task")) continue;  // the backbone's epochs
    ++looks;
    const double validation = json.at("validation_top1").get<double>();
    if (validation > best) moment = json.at("step").get<int64_t>();
    best = std::max(best, validation);
  }
  CHECK(looks == 4);
  CHECK(moment <= 4);
  const auto kept = ComparedRows(config).at("head");
  CHECK(kept.at("step") == moment);
  CHECK(kept.at("validation_top1") == best);
}

TEST_CASE("validation chooses among the values of a row") {
  const ScratchFolder scratch;
  const Config config =
      SmallTasks(scratch.path(),
                 {"tasks.methods=[]", "tasks.seeds=2", "tasks.length=80s",
                  "tasks.validate_every=80s", "tasks.lr_weights=0.02",
                  "tasks.lr_norm=0.02",
                  "tasks.variants=[\"full tasks.lr_head=1e-9|0.02|1e-8\"]"});
  train::RunTasksCompare(config);
  const std::filesystem::path folder = config.run.dir;
  std::vector<nlohmann::json> all;
  std::istringstream lines(ReadFile(folder / "compare.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    all.push_back(nlohmann::json::parse(line));
  }
  // Three candidates, the chosen one's test; the second seed's training, test.
  REQUIRE(all.size() == 6);
  const auto validation = [&](size_t i) {
    return all[i].at("validation_top1").get<double>();
  };
  REQUIRE(validation(1) > validation(0));
  REQUIRE(validation(1) > validation(2));
  CHECK(all[3].at("config") == all[1].at("config"));
  CHECK(all[3].at("test_top1").is_number());
  // It learns with the second value, too, or its head would stay as drawn.
  CHECK(validation(4) > validation(0));
  // And everything that is left says so.
  CHECK(all[0].at("values") == "tasks.lr_head=1e-9");
  CHECK(all[5].at("values") == "tasks.lr_head=0.02");
  CHECK(ReadFile(folder / "tables.txt")
            .find("chosen by validation with the first seed:\n  full: "
                  "tasks.lr_head=0.02 on textures\n") != std::string::npos);
  std::istringstream metrics(ReadFile(folder / "metrics.jsonl"));
  std::vector<std::string> learned;
  for (std::string line; std::getline(metrics, line);) {
    const auto json = nlohmann::json::parse(line);
    if (!json.contains("task")) continue;
    learned.push_back(json.at("row").get<std::string>() + " " +
                      json.at("values").get<std::string>() + " " +
                      std::to_string(json.at("seed").get<int64_t>()));
  }
  CHECK(learned == std::vector<std::string>{"full tasks.lr_head=1e-9 1",
                                            "full tasks.lr_head=0.02 1",
                                            "full tasks.lr_head=1e-8 1",
                                            "full tasks.lr_head=0.02 2"});
}

TEST_CASE("a comparison that cannot run says why and moves nothing") {
  const ScratchFolder scratch;
  const std::string weights =
      (scratch.path() / "run/weights.safetensors").string();
  train::RunTasksCompare(
      SmallTasks(scratch.path(),
                 {"tasks.methods=head", "train.epochs=1", "tasks.length=2s"}));
  struct Bad {
    std::vector<std::string> overrides;
    const char* says;
  };
  for (const Bad& bad : std::vector<Bad>{
           {{"tasks.batch=10000"}, "tasks.batch: expected at most the"},
           {{"model.weights=" + weights},
            "model.weights: expected a file outside of run.dir"},
           {{"model.weights=" + (scratch.path() / "none").string()}, "none'"},
           {{"train.batch=10000"}, "train.batch: expected at most the 320"},
           {{"hw.preset="}, "hw.preset: expected a preset"},
           {{"model.classes=2"}, "model.classes: expected at least the"},
           {{"tasks.sets=[\"glyphs\", \"textures\", \"glyphs\"]"},
            "tasks.sets: expected each data set once, got 'glyphs' twice"},
           {{"tasks.methods=scale", "tasks.scale_bits=1"},
            "tasks.methods: expected options that scale takes; [mask] expected "
            "factors of 2 to 16 bits"},
           {{"tasks.methods=xma2", "tasks.select=gates",
             "tasks.select_rounds=2"},
            "tasks.select_rounds: expected 1 with"}}) {
    auto overrides = bad.overrides;
    overrides.insert(
        overrides.begin(),
        {"tasks.methods=head", "train.epochs=1", "tasks.length=20s",
         "tasks.select_length=8s", "tasks.resume=false"});
    CAPTURE(bad.says);
    CHECK_THROWS_WITH_AS(
        train::RunTasksCompare(SmallTasks(scratch.path(), overrides)),
        doctest::Contains(bad.says), Error);
    CHECK(std::filesystem::exists(weights));
    CHECK_FALSE(std::filesystem::exists(scratch.path() / "run/earlier-1"));
  }
}

TEST_CASE("a comparison leaves the config of a training where it is") {
  const ScratchFolder scratch;
  const std::vector<std::string> overrides{"tasks.methods=head",
                                           "train.epochs=1", "tasks.length=2s"};
  const Config config = SmallTasks(scratch.path(), overrides);
  train::RunTasksCompare(config);
  const std::filesystem::path run = config.run.dir;
  Config brings = config;
  brings.model.weights = (run / "weights.safetensors").string();
  CHECK_NOTHROW(train::RunTasksCompare(brings));  // the comparison's own
  Config others = config;  // the same weights from elsewhere are not
  const auto elsewhere = scratch.path() / "elsewhere.safetensors";
  std::filesystem::copy_file(run / "weights.safetensors", elsewhere);
  others.model.weights = elsewhere.string();
  CHECK_THROWS_WITH_AS(
      train::RunTasksCompare(others),
      doctest::Contains("a training has left weights.safetensors there"),
      Error);
  train::RunTrain(config);
  const std::string toml = ReadFile(run / "config.toml");
  brings.tasks.length.count = 3;
  CHECK_THROWS_WITH_AS(
      train::RunTasksCompare(brings),
      doctest::Contains("a training has left weights.safetensors there"),
      Error);
  CHECK(ReadFile(run / "config.toml") == toml);
  // Where it trains its own, it does so anew, and keeps the other.
  const std::string trained = ReadFile(run / "weights.safetensors");
  train::RunTasksCompare(config);
  CHECK(ReadFile(run / "earlier-2/config.toml") == toml);
  CHECK(ReadFile(run / "earlier-2/weights.safetensors") == trained);
}

TEST_CASE("a comparison trains the backbone anew where its keys changed") {
  const ScratchFolder scratch;
  const auto weights = [&](const std::string& more) {
    const Config config = SmallTasks(
        scratch.path(),
        {"tasks.methods=head", "tasks.length=3s", "train.epochs=1", more});
    train::RunTasksCompare(config);
    return ReadFile(std::filesystem::path(config.run.dir) /
                    "weights.safetensors");
  };
  const std::string first = weights("train.lr=0.1");
  CHECK(weights("tasks.lr_head=0.01") == weights("train.lr=0.1"));
  // Its crossbar and devices are not the backbone's.
  CHECK(weights("hw.adc_bits=6") == first);
  CHECK(weights("device.stuck_at_gmin=0.01") == first);
  CHECK(weights("train.calibration_batches=3") == first);
  CHECK(weights("train.eval_every=2e") == first);
  const std::filesystem::path run = scratch.path() / "run";
  CHECK_FALSE(std::filesystem::exists(run / "earlier-1"));
  CHECK(weights("train.lr=0.1") == first);
  const std::string toml = ReadFile(run / "config.toml");
  CHECK(weights("train.lr=0.05") != first);
  CHECK(ReadFile(run / "earlier-1/config.toml") == toml);
  CHECK(ReadFile(run / "earlier-1/weights.safetensors") == first);
}

TEST_CASE("a training that fails is told at the end, and costs no other row") {
  const ScratchFolder scratch;
  // Factors without an end drive one another up, from layer to layer, where no
  // converter holds them.
  const std::string wild =
      "tasks.scale_bits=0 tasks.norm=frozen tasks.optimizer=sgd";
  const Config config =
      SmallTasks(scratch.path(),
                 {"tasks.methods=head", "tasks.length=20s", "train.epochs=1",
                  "hw.dac_bits=0", "hw.adc_bits=0",
                  "tasks.variants=[\"bn\", \"scale tasks.lr_scale=0.001|1e3 " +
                      wild + "\", \"scale tasks.lr_scale=1e3 " + wild + "\"]"});
  CHECK_THROWS_WITH_AS(
      train::RunTasksCompare(config),
      doctest::Contains("1 results are missing; the first: task 'textures', "
                        "method scale, step "),
      Error);
  const std::filesystem::path folder = config.run.dir;
  const std::string tables = ReadFile(folder / "tables.txt");
  CHECK(tables.find("1 failed") != std::string::npos);
  const std::string text = ReadFile(folder / "compare.jsonl");
  CHECK(text.find("\"row\":\"bn") != std::string::npos);
  CHECK(text.find("\"row\":\"scale " + wild) != std::string::npos);
  CHECK(text.find("\"row\":\"scale tasks.lr_scale") == std::string::npos);
}

TEST_CASE("rows of a comparison say what is wrong with them") {
  const ScratchFolder scratch;
  const auto complaint = [&](const std::string& variant) {
    Config config = SmallTasks(scratch.path());
    config.tasks.variants = {variant};
    try {
      train::CompareRows(config);
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const auto has = [&](const std::string& variant, const std::string& text) {
    INFO("variant ", variant, ": ", complaint(variant));
    CHECK(complaint(variant).find("tasks.variants") != std::string::npos);
    CHECK(complaint(variant).find(text) != std::string::npos);
  };
  CHECK(complaint("xma2 tasks.budget=0.2").empty());
  has("xma3", "expected items such as");
  has("xma2 tasks.budget", "expected key=value");
  has("xma2 tasks.budget=0.1|", "expected key=value");
  has("xma2 hw.rows=32", "hw.rows");
  has("bn tasks.norm_batches=10|40", "expected one value of");
  has("xma2 tasks.seeds=2", "tasks.seeds");
  has("xma2 tasks.budget=7", "tasks.budget");
  has("xma2 tasks.budget=0.1 tasks.budget=0.2", "twice");
  has("xbm", "twice");
  has("xma tasks.switches=3", "tasks.switches");
  has("ksm tasks.budget=0.1|0.2", "expected values that change a training");
  has("ksm tasks.teacher_share=0.1|0.2", "expected values that change");
  // A bit per column has a score, which is neither a factor nor a weight.
  has("scale tasks.lr_mask=0.1|0.2", "expected values that change");
  has("ksm tasks.lr_weights=0.1|0.2", "expected values that change");
  has("ksm tasks.lr_scale=0.1|0.2", "expected values that change");
  CHECK(complaint("ksm tasks.lr_mask=0.1|0.2").empty());
  CHECK(complaint("scale tasks.lr_scale=0.1|0.2").empty());
  CHECK(complaint("full tasks.lr_weights=0.1|0.2").empty());
  CHECK(complaint("xma2 tasks.lr_mask=0.1|0.2").empty());
  CHECK(
      complaint("ksm tasks.teacher=full tasks.teacher_share=0.1|0.2").empty());
  Config config = SmallTasks(scratch.path(), {"tasks.methods=[xbm, xbm]"});
  CHECK_THROWS_WITH_AS(train::CompareRows(config),
                       doctest::Contains("tasks.methods: expected each row"),
                       UsageError);
}

// docs/measured has results by these hashes.
TEST_CASE("results of the shipped configs are found again") {
  Config config = train::LoadConfig(
      OHM_SOURCE_DIR "/configs/resnet20_cifar10_tasks.toml", {});
  Config training = train::CompareRows(config)[0].candidates[0].config;
  training.tasks.sets = {"gtsrb"};
  CHECK(train::HashOfTraining(training, "cdaed8d52a671aff") ==
        "e033570ed2875bf5");
}

TEST_CASE("results count again where keys differ that learning does not read") {
  const ScratchFolder scratch;
  const auto hash = [&](const std::vector<std::string>& overrides) {
    const auto rows = train::CompareRows(SmallTasks(scratch.path(), overrides));
    return train::HashOfTraining(rows.back().candidates[0].config, "");
  };
  const std::string plain = hash({});
  for (const char* key :
       {"adapt.norm_batches=40", "eval.batch=7", "tasks.switches=9",
        "train.lr=0.5", "tasks.teacher_share=0.1"}) {
    CAPTURE(key);
    CHECK(hash({key}) == plain);
  }
  for (const char* key :
       {"train.batch=16", "tasks.lr_head=0.5", "tasks.teacher=full",
        "hw.rows=32", "device.variation=0.1", "data.validation=0.2"}) {
    CAPTURE(key);
    CHECK(hash({key}) != plain);
  }
}

// As after a stop between a training and its test, with the task's file gone.
TEST_CASE("a comparison trains a task again whose file is lost") {
  const ScratchFolder scratch;
  const Config config =
      SmallTasks(scratch.path(), {"tasks.methods=bn", "tasks.length=4s",
                                  "tasks.seeds=1", "tasks.validate_every=4s"});
  train::RunTasksCompare(config);
  const auto log = std::filesystem::path(config.run.dir) / "compare.jsonl";
  const std::string text = ReadFile(log);
  const size_t last = text.rfind('\n', text.size() - 2) + 1;
  const auto tested = nlohmann::json::parse(text.substr(last));
  WriteFileAtomically(log, text.substr(0, last));
  std::filesystem::remove(log.parent_path() / "tasks" /
                          tested.at("file").get<std::string>());
  train::RunTasksCompare(config);
  const std::string hash = tested.at("config").get<std::string>();
  CHECK(train::CompareLog(log).Find(hash)->test ==
        tested.at("test_top1").get<double>());
}

TEST_CASE("where all values of a row diverge none is chosen") {
  const ScratchFolder scratch;
  const Config config = SmallTasks(
      scratch.path(),
      {"tasks.methods=bn", "tasks.length=20s", "train.epochs=1",
       "tasks.validate_every=20s", "tasks.seeds=2", "tasks.scale_bits=0",
       "tasks.norm=frozen", "tasks.optimizer=sgd",
       "tasks.variants=[\"scale tasks.lr_scale=999|1e3 tasks.lr_head=1e3\"]"});
  CHECK_THROWS_WITH_AS(train::RunTasksCompare(config),
                       doctest::Contains("2 results are missing"), Error);
  const std::string tables =
      ReadFile(std::filesystem::path(config.run.dir) / "tables.txt");
  CHECK(tables.find("2 failed") != std::string::npos);
  CHECK(tables.find("chosen by validation") == std::string::npos);
}

TEST_CASE(
    "rows with a teacher share it, and with the row that trains the same") {
  const ScratchFolder scratch;
  const std::string full = "full tasks.lr_weights=0.05";
  const std::string taught = "xbm tasks.teacher=full";
  const auto with = [&](const std::string& variants) {
    return SmallTasks(scratch.path(),
                      {"tasks.methods=[]", "tasks.length=6s", "train.epochs=1",
                       "tasks.validate_every=6s", "tasks.teacher_lr=0.05",
                       "tasks.variants=[" + variants + "]"});
  };
  const Config config = with("\"" + taught + "\", \"xbm\", \"" + taught +
                             " tasks.teacher_share=1\", \"" + full + "\"");
  train::RunTasksCompare(config);
  const std::filesystem::path run = config.run.dir;
  const std::string text = ReadFile(run / "compare.jsonl");
  auto rows = ComparedRows(config);
  const auto file = [&](const std::string& row) {
    return rows.at(row).at("file").get<std::string>();
  };
  // One line of the teacher's training, which nothing has tested as such.
  CHECK(rows.at("teacher: full").at("test_top1").is_null());
  CHECK(file("teacher: full") == file(full));
  CHECK(std::ranges::count(text, '\n') == 1 + 3 * 2 + 1);
  const auto contents = [&](const std::string& row) {
    return ReadFile(run / "tasks" / file(row));
  };
  CHECK(contents(taught) != contents("xbm"));
  CHECK(contents(taught) != contents(taught + " tasks.teacher_share=1"));
  // Where its file is gone it learns the same again.
  const std::string kept = contents(taught);
  std::filesystem::remove(run / "tasks" / file(full));
  std::filesystem::remove(run / "tasks" / file(taught));
  std::filesystem::remove(run / "compare.jsonl");
  train::RunTasksCompare(with("\"" + taught + "\""));
  CHECK(contents(taught) == kept);
}

}  // namespace
}  // namespace ohm::test
