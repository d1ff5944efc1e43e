#include "train/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <utility>

#include "train/table_print.h"

namespace ohm::train {
namespace {

constexpr double kLiveSeconds = 0.2;
constexpr double kPlainSeconds = 10;
constexpr double kRateSeconds = 5;
constexpr const char* kEraseLine = "\r\x1b[K";

int TerminalColumns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return 80;
  }
  return size.ws_col;
}

}  // namespace

ProgressSink ProgressSink::Stderr() {
  const char* term = std::getenv("TERM");
  const bool can_erase = term != nullptr && std::string_view(term) != "dumb";
  return {
      &std::cerr, ::isatty(STDERR_FILENO) == 1 && can_erase, TerminalColumns(),
      [] {
        const auto now = std::chrono::steady_clock::now();
        return std::chrono::duration<double>(now.time_since_epoch()).count();
      }};
}

Progress::Progress(std::string title, ProgressSink sink)
    : title_(std::move(title)),
      sink_(std::move(sink)),
      start_(sink_.seconds()),
      last_shown_(start_),
      mark_seconds_(start_) {}

Progress::~Progress() { Erase(); }

void Progress::Erase() {
  if (!shown_) return;
  *sink_.out << kEraseLine << std::flush;
  shown_ = false;
}

void Progress::Print(const std::string& line) {
  Erase();
  *sink_.out << line + "\n" << std::flush;
}

void Progress::Update(const ProgressState& state) {
  UpdateRate(state);
  const double now = sink_.seconds();
  if (sink_.terminal) {
    if (shown_ && now - last_shown_ < kLiveSeconds) return;
    std::string line = Line(state);
    // One column less: a full line would wrap and could not be erased.
    line.resize(std::min(line.size(), size_t(std::max(sink_.columns - 1, 1))));
    *sink_.out << kEraseLine + line << std::flush;
    shown_ = true;
  } else {
    const bool epoch_done = state.step >= state.steps;
    if (!epoch_done && now - last_shown_ < kPlainSeconds) return;
    *sink_.out << Line(state) + "\n" << std::flush;
  }
  last_shown_ = now;
}

void Progress::UpdateRate(const ProgressState& state) {
  const double now = sink_.seconds();
  if (state.epoch != seen_epoch_) {
    // Evaluation between epochs, and what a resumed run had already done, do
    // not count as training speed.
    const bool first = seen_epoch_ == 0;
    steps_done_ += first ? 1 : state.step;
    seen_epoch_ = state.epoch;
    if (!first || state.step > 1) {
      mark_seconds_ = now;
      mark_images_ = state.images;
    }
  } else {
    steps_done_ += std::max<int64_t>(0, state.step - seen_step_);
  }
  seen_step_ = state.step;
  if (paused_) {
    mark_seconds_ = now;
    mark_images_ = state.images;
    paused_ = false;
  }

  const double passed = now - mark_seconds_;
  const int64_t images = state.images - mark_images_;
  if (passed <= 0 || images <= 0) return;
  if (passed < kLiveSeconds && rate_ > 0) return;
  const double current = static_cast<double>(images) / passed;
  const double keep = rate_ > 0 ? std::exp(-passed / kRateSeconds) : 0.0;
  rate_ = keep * rate_ + (1 - keep) * current;
  mark_seconds_ = now;
  mark_images_ = state.images;
}

std::string Progress::Line(const ProgressState& state) const {
  std::string line = title_;
  if (state.epochs > 0) {
    line += fmt::format("  epoch {}/{}", state.epoch, state.epochs);
  }
  line += fmt::format("  step {}/{}", state.step, state.steps);
  if (!std::isnan(state.loss)) line += fmt::format("  loss {:.4f}", state.loss);
  if (!std::isnan(state.accuracy)) {
    line += fmt::format("  accuracy {:.2f} %", state.accuracy * 100);
  }
  if (rate_ > 0) line += fmt::format("  {:.0f} images/s", rate_);
  if (steps_done_ > 0) {
    const double per_step =
        (sink_.seconds() - start_) / static_cast<double>(steps_done_);
    const int64_t left =
        (state.epochs - state.epoch) * state.steps + state.steps - state.step;
    line += "  left " + FormatSeconds(per_step * static_cast<double>(left));
  }
  return line;
}

}  // namespace ohm::train
