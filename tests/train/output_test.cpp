// What people see and what a run leaves: progress, tables, the run folder.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <sstream>

#include "tests/train/scratch_folder.h"
#include "train/progress.h"
#include "train/run_folder.h"
#include "train/table_print.h"

namespace ohm::train {
namespace {

struct Screen {
  std::ostringstream out;
  double now = 100;

  ProgressSink Sink(bool terminal, int columns = 200) {
    return {&out, terminal, columns, [this] { return now; }};
  }
  std::string Take() {
    std::string text = out.str();
    out.str("");
    return text;
  }
};

const std::string kErase = "\r\x1b[K";

}  // namespace

TEST_CASE("progress: one live line, refreshed at most 5 times a second") {
  Screen screen;
  {
    Progress progress("train", screen.Sink(true));
    ProgressState state{.epoch = 1, .epochs = 2, .steps = 100};
    int shown = 0;
    for (int i = 1; i <= 50; ++i) {  // one second of 20 ms steps
      screen.now += 0.02;
      state.step = i;
      state.images = i * 10;
      state.loss = 1.25;
      state.accuracy = 0.5;
      progress.Update(state);
      shown += !screen.out.str().empty();
      if (i < 50) screen.Take();
    }
    CHECK(shown >= 4);
    CHECK(shown <= 6);
    screen.Take();
    screen.now += 1;
    state.step = 100;
    state.images = 1000;
    progress.Update(state);
    CHECK(screen.Take() ==
          kErase +
              "train  epoch 1/2  step 100/100  loss 1.2500  accuracy 50.00 %  "
              "500 images/s  left 0:02");
    progress.Print("saved");
    CHECK(screen.Take() == kErase + "saved\n");
    progress.Update(state);
    screen.Take();
  }
  CHECK(screen.Take() == kErase);  // nothing is left behind
}

TEST_CASE("progress: a live line never wraps") {
  Screen screen;
  Progress progress("train", screen.Sink(true, 20));
  progress.Update({.epoch = 1, .epochs = 1, .step = 1, .steps = 9, .loss = 1});
  CHECK(screen.Take() == kErase + "train  epoch 1/1  s");
}

TEST_CASE("progress: plain lines per epoch and every 10 s in a pipe") {
  Screen screen;
  Progress progress("train", screen.Sink(false));
  std::string all;
  for (int epoch = 1; epoch <= 2; ++epoch) {
    for (int step = 1; step <= 30; ++step) {
      screen.now += 0.5;
      progress.Update({.epoch = epoch,
                       .epochs = 2,
                       .step = step,
                       .steps = 30,
                       .images = step * 64});
      all += screen.Take();
    }
  }
  CHECK(all ==
        "train  epoch 1/2  step 20/30  128 images/s  left 0:20\n"
        "train  epoch 1/2  step 30/30  128 images/s  left 0:15\n"
        "train  epoch 2/2  step 20/30  128 images/s  left 0:05\n"
        "train  epoch 2/2  step 30/30  128 images/s  left 0:00\n");
}

TEST_CASE("progress: a resumed run counts only its own steps") {
  Screen screen;
  Progress progress("train", screen.Sink(false));
  for (int step = 51; step <= 100; ++step) {
    screen.now += 0.1;
    progress.Update({.epoch = 9,
                     .epochs = 10,
                     .step = step,
                     .steps = 100,
                     .images = step * 10});
  }
  CHECK(screen.Take() ==
        "train  epoch 9/10  step 100/100  100 images/s  left 0:10\n");
}

TEST_CASE("progress: work of one stretch, with pauses that are not its own") {
  Screen screen;
  Progress progress("task", screen.Sink(false));
  for (int step = 1; step <= 90; ++step) {
    screen.now += 0.5;
    progress.Update({.step = step, .steps = 90, .images = step * 64});
    if (step % 30 != 0) continue;
    progress.Pause();
    screen.now += 60;  // a validation: not in the rate, but in the time left
  }
  CHECK(screen.Take() ==
        "task  step 20/90  128 images/s  left 0:35\n"
        "task  step 31/90  128 images/s  left 2:24\n"
        "task  step 51/90  128 images/s  left 1:05\n"
        "task  step 61/90  128 images/s  left 1:12\n"
        "task  step 81/90  128 images/s  left 0:18\n"
        "task  step 90/90  128 images/s  left 0:00\n");
}

TEST_CASE("table: aligned, with units, for any text") {
  TextTable table(
      {{"network", "", TableColumn::Align::kLeft}, {"top-1", "%"}, {"mask"}});
  table.AddRow({"digital", "91.73", "-"});
  table.AddRule();
  table.AddRow({"größer", "9.10", "33.6 KiB"});
  CHECK(table.str() ==
        "network  top-1 [%]      mask\n"
        "----------------------------\n"
        "digital      91.73         -\n"
        "----------------------------\n"
        "größer        9.10  33.6 KiB\n");
  CHECK(Contains(MessageOf([&] { table.AddRow({"a"}); }),
                 "expected 3 cells, got 1"));
  CHECK(!MessageOf([] { TextTable({}); }).empty());
}

TEST_CASE("table: numbers for people") {
  CHECK(FormatPercent(0.9173) == "91.73");
  CHECK(FormatPercent(1, 0) == "100");
  CHECK(FormatNumber(2.0, 3) == "2.000");
  CHECK(FormatBytes(0) == "0 B");
  CHECK(FormatBytes(1023) == "1023 B");
  CHECK(FormatBytes(1536) == "1.5 KiB");
  CHECK(FormatBytes(1024 * 1024 - 1) == "1.0 MiB");
  CHECK(FormatSeconds(7.4) == "0:07");
  CHECK(FormatSeconds(185) == "3:05");
  CHECK(FormatSeconds(3723) == "1:02:03");
  CHECK(FormatSeconds(NAN) == "?");
}

TEST_CASE("run folder: files, metrics, resumption") {
  const ScratchFolder scratch;
  const RunFolder folder(scratch / "runs/a");
  folder.WriteConfig("[train]\n");
  CHECK(ReadFile(folder.config()) == "[train]\n");
  CHECK(folder.weights().filename() == "weights.safetensors");

  folder.AppendMetrics({{"start", std::string("a \"b\"\n")}});
  for (int64_t epoch = 1; epoch <= 3; ++epoch) {
    folder.AppendMetrics(
        {{"epoch", epoch}, {"loss", epoch == 2 ? NAN : 0.5}, {"best", true}});
  }
  const std::string head =
      "{\"start\":\"a \\\"b\\\"\\n\"}\n"
      "{\"epoch\":1,\"loss\":0.5,\"best\":true}\n"
      "{\"epoch\":2,\"loss\":null,\"best\":true}\n";
  const std::string third = "{\"epoch\":3,\"loss\":0.5,\"best\":true}\n";
  CHECK(ReadFile(folder.metrics()) == head + third);

  WriteFileAtomically(folder.metrics(), head + third + "{\"epoch\":1,\"lo");
  folder.KeepMetricsUpTo(2);
  CHECK(ReadFile(folder.metrics()) == head);
  folder.SetAside();
  CHECK(!std::filesystem::exists(folder.metrics()));
  CHECK(std::filesystem::exists(folder.config()));
  // Metrics alone are a run's, too.
  CHECK(ReadFile(folder.path() / "earlier-1/metrics.jsonl") == head);
  CHECK(ReadFile(folder.path() / "earlier-1/config.toml") == "[train]\n");
  folder.SetAside();  // there is nothing to move
  CHECK(!std::filesystem::exists(folder.path() / "earlier-2"));
  folder.KeepMetricsUpTo(2);  // nothing there is fine
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    files += entry.exists();
  }
  CHECK(files == 2);  // no probe is left
}

TEST_CASE("run folder: one that cannot be written is refused at once") {
  const ScratchFolder scratch;
  const auto file = scratch.Write("file", "x");
  auto message = MessageOf([&] { RunFolder folder(file / "below"); });
  CHECK(Contains(message, (file / "below").string()));
  CHECK(Contains(message, "cannot write into the run folder"));

  if (::geteuid() == 0) {
    message = MessageOf([] { RunFolder folder("/proc/ohm_run"); });
    CHECK(Contains(message, "/proc/ohm_run"));
  } else {
    const auto closed = scratch / "closed";
    std::filesystem::create_directory(closed);
    std::filesystem::permissions(closed,
                                 std::filesystem::perms::owner_read |
                                     std::filesystem::perms::owner_exec);
    message = MessageOf([&] { RunFolder folder(closed); });
    CHECK(Contains(message, closed.string()));
    CHECK(Contains(message, "Permission denied"));
  }
}

}  // namespace ohm::train
