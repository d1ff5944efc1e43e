// The task store, by the words that people use.
#include "train/tasks/store.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "core/base/check.h"
#include "core/base/file.h"
#include "tests/train/small_store.h"
#include "train/commands/command.h"
#include "train/run_folder.h"
#include "train/tasks/opened_store.h"

namespace ohm::test {
namespace {

using train::Config;
using train::ScratchFolder;
namespace fs = std::filesystem;

int64_t Number(const train::Metrics& metrics, const std::string& key) {
  for (const auto& [name, value] : metrics) {
    if (name == key) return std::get<int64_t>(value);
  }
  FAIL("no metric " << key);
  return 0;
}

std::vector<std::string> Lines(const fs::path& path) {
  std::istringstream in(ReadFile(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST_CASE("a task store adds, switches, exports and removes") {
  const Store store;
  CHECK(store.Read().active() == "shapes");
  CHECK_THROWS_AS(train::RunTasksAdd(store.With({}), "textures"), UsageError);
  train::RunTasksAdd(store.With({"tasks.methods=xma", "tasks.lr_scale=0.3"}),
                     "textures");
  const auto added =
      train::RunTasksAdd(store.With({"tasks.methods=xma2", "tasks.sets=glyphs",
                                     "tasks.budget=0.2"}),
                         "signs");
  CHECK(Number(added, "cells_written") > 0);
  CHECK_THROWS_AS(
      train::RunTasksAdd(store.With({"tasks.methods=bn"}), "textures"),
      UsageError);
  CHECK(store.Read().tasks().size() == 3);
  CHECK(store.Read().active() == "shapes");

  // Columns alone write nothing; PEs are written on the way there and back.
  CHECK(Number(train::RunTasksSwitch(store.With({}), "textures"),
               "cells_written") == 0);
  const auto there = train::RunTasksSwitch(store.With({}), "signs");
  CHECK(Number(there, "cells_written") == Number(added, "cells_written"));
  CHECK(store.Read().active() == "signs");
  CHECK(Number(train::RunTasksSwitch(store.With({}), "signs"), "bytes") == 0);
  const auto listed = train::RunTasksExport(store.With({}), "shapes");
  const fs::path folder = std::get<std::string>(listed.back().second);
  // Of 'shapes': all of its head, and back what 'signs' has written.
  const auto cells = Lines(folder / "cells.csv");
  CHECK(cells[0] == "layer,array,row,column,old_level,new_level");
  int64_t head = 0;
  for (const std::string& line : cells) head += line.starts_with("linear,");
  CHECK(head > 0);
  CHECK(int64_t(cells.size()) == 1 + head + Number(added, "cells_written"));
  train::RunTasksExport(store.With({}), "textures");
  const auto columns = Lines(folder / "columns.csv");
  CHECK(columns[0] == "layer,row_tile,output,factor");
  REQUIRE(columns.size() > 1);
  for (size_t i = 1; i < columns.size(); ++i) {
    // A power of two from 1/8 to 8, or 0; not 1.
    const double factor =
        std::stod(columns[i].substr(columns[i].rfind(',') + 1));
    CHECK(factor != 1);
    const double e = std::log2(factor);
    CHECK((factor == 0 || (e == std::round(e) && std::fabs(e) <= 3)));
  }
  train::RunTasksCheck(store.With({"tasks.switches=25"}), "");
  train::RunTasksList(store.With({}), "");

  CHECK_THROWS_AS(train::RunTasksRemove(store.With({}), "signs"), UsageError);
  CHECK_THROWS_AS(train::RunTasksRemove(store.With({}), "shapes"), UsageError);
  train::RunTasksSwitch(store.With({}), "shapes");
  train::RunTasksRemove(store.With({}), "signs");
  CHECK_FALSE(fs::exists(store.Read().FileOf("signs")));
  CHECK_THROWS_AS(train::RunTasksSwitch(store.With({}), "signs"), UsageError);
}

TEST_CASE("a task of a store is judged as it is, and on chips") {
  const Store store;
  const auto added = train::RunTasksAdd(
      store.With({"tasks.methods=xma2", "tasks.budget=0.2"}), "textures");
  const auto eval = [&](const std::vector<std::string>& overrides) {
    return nlohmann::json::parse(
        ToJson(train::RunTasksEval(store.With(overrides), "textures")));
  };
  const auto once = eval({});
  CHECK(once["top1"] == nlohmann::json::parse(ToJson(added))["test_top1"]);
  CHECK(once["method"] == "xma2");
  CHECK(once["images"] == 60);
  CHECK(!once.contains("chips"));

  // Ideal chips with the task's own ranges are the crossbars it is stored for.
  const auto ideal = eval({"eval.chips=2", "eval.calibrate=once"});
  CHECK(ideal["chips"][0]["loss"] == once["loss"]);
  CHECK(ideal["chips"][1]["loss"] == once["loss"]);

  // On others it computes something else, on each of its own.
  const std::string devices = "device.variation=0.35";
  const auto chips = eval({"eval.chips=3", devices});
  REQUIRE(chips["chips"].size() == 3);
  const auto loss = [](const nlohmann::json& result, size_t chip) {
    return result["chips"][chip]["loss"].get<double>();
  };
  CHECK(loss(chips, 0) != once["loss"].get<double>());
  CHECK(loss(chips, 0) != loss(chips, 1));
  CHECK(loss(chips, 1) != loss(chips, 2));
  CHECK(loss(eval({"eval.chips=1", "device.chip=2", devices}), 0) ==
        loss(chips, 2));
  // Their statistics instead of those that were learned.
  const auto fitted = eval({"eval.chips=3", devices, "adapt.norm_batches=4"});
  CHECK(loss(fitted, 0) != loss(chips, 0));
  CHECK(fitted["loss"].get<double>() < chips["loss"].get<double>());

  // Images as the task's own training has them.
  const std::vector<std::string> fits = {"eval.chips=1", devices,
                                         "adapt.norm_batches=4"};
  const auto fitted_with = [&](const std::string& key) {
    auto overrides = fits;
    overrides.push_back(key);
    return loss(eval(overrides), 0);
  };
  CHECK(fitted_with("data.flip=true") == loss(fitted, 0));
  CHECK(fitted_with("tasks.flip=true") != loss(fitted, 0));

  CHECK_THROWS_AS(train::RunTasksEval(store.With({}), "glyphs"), UsageError);
  // The store is what it was.
  train::RunTasksCheck(store.With({}), "");
  CHECK(store.Read().active() == "shapes");
}

TEST_CASE("a store whose task in use is broken is switched to another") {
  const Store store;
  train::RunTasksAdd(store.With({"tasks.methods=xbm"}), "textures");
  train::RunTasksSwitch(store.With({}), "textures");
  const fs::path file = store.Read().FileOf("textures");
  const std::string whole = ReadFile(file);
  WriteFileAtomically(file, whole.substr(0, whole.size() / 2));
  CHECK_THROWS_AS(train::RunTasksSwitch(store.With({}), "textures"), Error);
  train::RunTasksSwitch(store.With({}), "shapes");
  CHECK(store.Read().active() == "shapes");
  train::RunTasksRemove(store.With({}), "textures");
  train::RunTasksCheck(store.With({}), "");
}

TEST_CASE("a store's own first task is fitted to chips as 'eval' fits it") {
  const Store store({"tasks.crop_padding=1", "data.crop_padding=4"});
  const std::vector<std::string> keys{"eval.chips=2", "device.variation=0.35",
                                      "adapt.norm_batches=4"};
  const auto loss = [](const train::Metrics& metrics) {
    return nlohmann::json::parse(ToJson(metrics)).at("loss").get<double>();
  };
  const Config config = store.With(keys);
  Config plain = config;
  plain.model.weights = (store.path() / "backbone.safetensors").string();
  CHECK(loss(train::RunTasksEval(config, "shapes")) ==
        loss(train::RunEval(plain)));
}

TEST_CASE("a task store may be moved, and looks at its own files only") {
  const Store store;
  train::RunTasksAdd(store.With({"tasks.methods=xbm"}), "textures");
  const fs::path moved = store.path().parent_path() / "moved";
  fs::copy(store.path(), moved, fs::copy_options::recursive);
  std::string broken = ReadFile(store.path() / "backbone.safetensors");
  broken[broken.size() / 2] = char(broken[broken.size() / 2] ^ 64);
  WriteFileAtomically(store.path() / "backbone.safetensors", broken);
  CHECK_THROWS_WITH_AS(train::RunTasksCheck(store.With({}), ""),
                       doctest::Contains("expected the tasks' backbone, "),
                       Error);
  train::RunTasksCheck(train::StoreConfig(moved, {}), "");
  CHECK_THROWS_WITH_AS(
      train::RunTasksInit(train::LoadConfig(
          OHM_SOURCE_DIR "/configs/demo.toml",
          {"tasks.store=" + moved.string(), "model.weights=/nowhere"})),
      doctest::Contains("holds a store.json already"), Error);
}

TEST_CASE("a store and a run never lie in one folder") {
  const Store store;
  CHECK_THROWS_WITH_AS(train::RunFolder(store.path()),
                       doctest::Contains("it holds a task store"), Error);
  const ScratchFolder scratch;
  const auto init = [&](const std::string& run) {
    train::RunTasksInit(
        train::LoadConfig(OHM_SOURCE_DIR "/configs/demo.toml",
                          {"tasks.store=" + scratch.path().string(),
                           "run.dir=" + run, "model.weights=/nowhere"}));
  };
  CHECK_THROWS_WITH_AS(
      init(scratch.path().string() + "/."),
      doctest::Contains("run.dir: expected another folder than that of"),
      UsageError);
  scratch.Write("config.toml", "mine");
  CHECK_THROWS_WITH_AS(init((scratch.path() / "runs").string()),
                       doctest::Contains("holds a config.toml already"), Error);
  CHECK(ReadFile(scratch.path() / "config.toml") == "mine");
}

TEST_CASE("a task of a store remembers its images") {
  const Store store;
  const auto added = nlohmann::json::parse(ToJson(train::RunTasksAdd(
      store.With({"tasks.methods=bn", "data.mean=[0.1,0.9,0.5]",
                  "data.std=[2,0.1,0.5]"}),
      "textures")));
  const auto eval = [&](const std::vector<std::string>& more) {
    return nlohmann::json::parse(
        ToJson(train::RunTasksEval(store.With(more), "textures")));
  };
  CHECK(eval({})["top1"] == added["test_top1"]);
  CHECK(eval({"data.mean=[0,0,0]", "data.std=[1,1,1]"})["loss"] !=
        eval({})["loss"]);
  const auto& task = store.Read().tasks().back();
  CHECK(task.data_keys.size() == 2);
  CHECK(task.images.size() == 16);
  CHECK(task.images != store.Read().tasks().front().images);
}

// A network may have more outputs than its data has classes.
TEST_CASE("the backbone's own task is judged like any other") {
  const Store store({"model.classes=20"});
  const auto judged = train::RunTasksEval(store.With({}), "shapes");
  CHECK(Number(judged, "images") == 60);
  const auto checked =
      train::RunTasksCheck(store.With({"tasks.switches=5"}), "");
  CHECK(Number(checked, "switches") == 0);  // one task: none is proven
}

TEST_CASE("a store that was not finished says so") {
  const Store store;
  fs::remove(store.path() / "store.json");
  const char* says = "is a task store that was not finished; remove the folder";
  CHECK_THROWS_WITH_AS(store.Read(), doctest::Contains(says), Error);
  CHECK_THROWS_WITH_AS(train::TaskStore::CheckFree(store.path()),
                       doctest::Contains(says), Error);
}

TEST_CASE("a task's name can be a file's") {
  const Store store;
  for (const std::string& name :
       {std::string(), std::string(201, 'a'), std::string("-x"),
        std::string(".x"), std::string("a/b")}) {
    CAPTURE(name);
    CHECK_THROWS_AS(store.Read().CheckNew(name), UsageError);
  }
  store.Read().CheckNew(std::string(200, 'a'));
}

TEST_CASE("what others do to a store meanwhile stays") {
  const Store store;
  train::TaskStore early = store.Read();  // as a long 'add' has read it
  train::RunTasksAdd(store.With({"tasks.methods=bn"}), "textures");
  CHECK(early.tasks().size() == 1);
  early.SetActive("textures");
  CHECK(store.Read().tasks().size() == 2);
  CHECK(store.Read().active() == "textures");
  const auto state = early.Load("textures");
  CHECK_THROWS_WITH_AS(early.Add(early.Find("textures"), state),
                       doctest::Contains("has a task 'textures' already"),
                       UsageError);
  train::TaskStore other = store.Read();
  early.SetActive("shapes");
  other.Remove("textures");  // which is no longer in use
  CHECK(store.Read().tasks().size() == 1);
}

TEST_CASE("a store that was made anew meanwhile is not written to") {
  const Store store, other({"train.seed=2"});
  train::TaskStore early = store.Read();
  fs::remove_all(store.path());
  fs::copy(other.path(), store.path(), fs::copy_options::recursive);
  const std::string list = ReadFile(store.path() / train::kTaskStoreList);
  CHECK_THROWS_WITH_AS(early.SetActive("shapes"),
                       doctest::Contains("the store was made anew meanwhile"),
                       Error);
  CHECK(ReadFile(store.path() / train::kTaskStoreList) == list);
}

TEST_CASE("a taught task's own keys are checked before its teacher learns") {
  const Store store;
  const Config config =
      store.With({"tasks.methods=xma2", "tasks.sets=textures",
                  "tasks.teacher=full", "tasks.select_length=12s"});
  const fs::path metrics = fs::path(config.run.dir) / "metrics.jsonl";
  const size_t before = train::WholeLines(metrics).size();  // the backbone's
  CHECK_THROWS_WITH_AS(train::RunTasksAdd(config, "t"),
                       doctest::Contains("tasks.select_length: expected less"),
                       UsageError);
  CHECK(train::WholeLines(metrics).size() == before);
}

TEST_CASE("a store's task is calibrated anew where that is asked for") {
  const Store store({"hw.adc_bits=3"});
  train::RunTasksAdd(store.With({"tasks.methods=bn"}), "textures");
  const auto loss = [&](std::vector<std::string> overrides) {
    const auto result = train::RunTasksEval(store.With(overrides), "textures");
    for (const auto& [name, value] : result) {
      if (name == "loss") return std::get<double>(value);
    }
    FAIL("no loss");
    return 0.0;
  };
  const double plain = loss({});
  CHECK(loss({"hw.calibration=percentile", "hw.percentile=60"}) == plain);
  CHECK(loss({"hw.calibration=percentile", "hw.percentile=60",
              "model.recalibrate=true"}) != plain);
  CHECK_THROWS_WITH_AS(loss({"hw.adc_range=column"}),
                       doctest::Contains("model.recalibrate"), Error);
  CHECK(std::isfinite(loss({"hw.adc_range=column", "model.recalibrate=true"})));
}

TEST_CASE("a task store notices files that were changed") {
  const Store store;
  train::RunTasksAdd(store.With({"tasks.methods=xbm"}), "textures");
  const fs::path file = store.Read().FileOf("textures");
  const std::string whole = ReadFile(file);
  std::string broken = whole;
  broken.back() = char(broken.back() ^ 1);
  WriteFileAtomically(file, broken);
  CHECK_THROWS_WITH_AS(train::RunTasksCheck(store.With({}), ""),
                       doctest::Contains("checksum"), Error);
  for (const auto& [text, said] :
       {std::pair{"\"ohmgrad.version\":\"6\"",
                  "a task file of version 6, got 1"},
        std::pair{"one_cell 0", "contents with checksum"}}) {
    std::string other = whole;
    const size_t at = other.find(text);
    REQUIRE(at != std::string::npos);
    char& digit = other[other.find_first_of("60", at + 9)];
    digit = '1';
    WriteFileAtomically(file, other);
    CHECK_THROWS_WITH_AS(train::RunTasksCheck(store.With({}), ""),
                         doctest::Contains(said), Error);
  }
  // All that is wrong is told.
  const fs::path first = store.Read().FileOf("shapes");
  const std::string first_whole = ReadFile(first);
  WriteFileAtomically(first, broken);
  WriteFileAtomically(file, first_whole);
  CHECK_THROWS_WITH_AS(train::RunTasksCheck(store.With({}), ""),
                       doctest::Contains("checksum"), Error);
  CHECK_THROWS_WITH_AS(train::RunTasksCheck(store.With({}), ""),
                       doctest::Contains("task 'textures': expected outputs"),
                       Error);
  WriteFileAtomically(first, first_whole);
  WriteFileAtomically(file, whole);
  train::RunTasksCheck(store.With({}), "");
  // Masks are of the arrays that they were learned for.
  CHECK_THROWS_WITH_AS(
      train::RunTasksEval(store.With({"hw.row_order=c_kh_kw"}), "textures"),
      doctest::Contains(
          "(kh_kw_c, dense, weights of 8 bits, slices of each: 1), got"),
      Error);
  CHECK_THROWS_WITH_AS(
      train::RunTasksEval(store.With({"hw.rows=32"}), "textures"),
      doctest::Contains("arrays of 64x64"), Error);

  const fs::path list = store.path() / "store.json";
  std::string text = ReadFile(list);
  const size_t at = text.find("\"outputs\": \"") + 12;
  text[at] = text[at] == '0' ? '1' : '0';
  WriteFileAtomically(list, text);
  CHECK_THROWS_WITH_AS(train::RunTasksCheck(store.With({}), ""),
                       doctest::Contains("expected outputs"), Error);
  WriteFileAtomically(list, std::string("{"));
  CHECK_THROWS_WITH_AS(
      store.Read(), doctest::Contains("store.json': expected a list"), Error);
  WriteFileAtomically(list, std::string("{\"version\": 1}"));
  CHECK_THROWS_WITH_AS(store.Read(), doctest::Contains("expected version, "),
                       Error);
  CHECK_THROWS_AS(train::TaskStore("/nowhere"), Error);
}

}  // namespace
}  // namespace ohm::test
