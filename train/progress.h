// What a person sees while a long run works. On a terminal one live line,
// refreshed at most 5 times a second and erased at the end; in a pipe a plain
// line per epoch and every 10 seconds. It goes to stderr, so that the last
// line of stdout can be JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <limits>
#include <string>

namespace ohm::train {

struct ProgressState {
  // Count from 1. 0: not shown, steps and images are those of all the work.
  int64_t epoch = 0, epochs = 0;
  int64_t step = 0;  // steps done in this epoch
  int64_t steps = 1;
  int64_t images = 0;  // done in this epoch
  // Means over what the caller has seen so far; NaN: not shown.
  double loss = std::numeric_limits<double>::quiet_NaN();
  double accuracy = std::numeric_limits<double>::quiet_NaN();  // 0..1
};

// Where lines go and what time it is; the default is the real thing.
struct ProgressSink {
  std::ostream* out;
  bool terminal;                    // may be rewritten in place
  int columns;                      // width of a live line
  std::function<double()> seconds;  // monotonic

  static ProgressSink Stderr();
};

// Not thread-safe.
class Progress {
 public:
  // `title` starts every line ("train", "task gtsrb xbm").
  explicit Progress(std::string title,
                    ProgressSink sink = ProgressSink::Stderr());
  ~Progress();  // erases the live line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // After every step; cheap where nothing is due.
  void Update(const ProgressState& state);
  // Until the next Update the time is not the work's own and does not count in
  // its rate; between epochs that goes without saying.
  void Pause() { paused_ = true; }
  // A line that stays, above the live one.
  void Print(const std::string& line);
  // Erases the live line; the next Update shows it again.
  void Erase();

 private:
  std::string Line(const ProgressState& state) const;
  void UpdateRate(const ProgressState& state);

  std::string title_;
  ProgressSink sink_;
  double start_;
  double last_shown_;
  bool shown_ = false, paused_ = false;

  // Images per second: exponential mean over about 5 seconds.
  double rate_ = 0;
  double mark_seconds_;
  int64_t mark_images_ = 0;
  int64_t steps_done_ = 0;  // since construction, for the time left
  int64_t seen_epoch_ = 0;
  int64_t seen_step_ = 0;
};

}  // namespace ohm::train
