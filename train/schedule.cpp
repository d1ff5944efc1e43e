#include "train/schedule.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "core/base/check.h"
#include "core/base/table.h"

namespace ohm::train {
namespace {

// Half a cosine from `from` (t = 0) to `to` (t = 1).
double CosineBetween(double from, double to, double t) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * t)) / 2;
}

double Constant(const ScheduleSpec& spec, int64_t) { return spec.lr; }

double Cosine(const ScheduleSpec& spec, int64_t step) {
  const double t = double(step - spec.warmup_steps) /
                   double(spec.total_steps - spec.warmup_steps);
  return CosineBetween(spec.lr, spec.lr * spec.final_lr_ratio, t);
}

double StepDecay(const ScheduleSpec& spec, int64_t step) {
  return spec.lr * std::pow(spec.step_factor, double(step / spec.step_every));
}

double OneCycle(const ScheduleSpec& spec, int64_t step) {
  const double first = spec.lr / spec.div;
  const double last = first / spec.final_div;
  const double peak = spec.pct_start * double(spec.total_steps) - 1;
  const double end = double(spec.total_steps - 1);
  const double s = double(step);
  if (peak > 0 && s <= peak) return CosineBetween(first, spec.lr, s / peak);
  // As torch has it: a rise of less than a step begins the fall before step 0.
  if (end <= peak) return spec.lr;  // all steps spent rising
  return CosineBetween(spec.lr, last, (s - peak) / (end - peak));
}

struct ScheduleRow {
  const char* name;
  double (*rate)(const ScheduleSpec&, int64_t step);
  bool own_warmup;
};

constexpr ScheduleRow kSchedules[] = {
    {"constant", Constant, false},
    {"cosine", Cosine, false},
    {"step", StepDecay, false},
    {"onecycle", OneCycle, true},
};

const ScheduleRow& FindSchedule(const std::string& kind) {
  const auto* row = std::ranges::find_if(
      kSchedules, [&](const ScheduleRow& r) { return r.name == kind; });
  OHM_CHECK(row != std::end(kSchedules),
            "[schedule] expected constant, cosine, step or onecycle, got '" +
                kind + "'");
  return *row;
}

void CheckSpec(const ScheduleSpec& spec, const ScheduleRow& row) {
  OHM_CHECK(spec.total_steps >= 1,
            "[schedule] expected at least 1 step in all, got " +
                std::to_string(spec.total_steps));
  OHM_CHECK(spec.warmup_steps >= 0 && spec.warmup_steps < spec.total_steps,
            "[schedule] expected a warm-up shorter than the " +
                std::to_string(spec.total_steps) + " steps of training, got " +
                std::to_string(spec.warmup_steps));
  OHM_CHECK(!row.own_warmup || spec.warmup_steps == 0,
            std::string("[schedule] expected no warm-up: ") + row.name +
                " has its own, got " + std::to_string(spec.warmup_steps) +
                " steps");
  OHM_CHECK(spec.step_every >= 1, "[schedule] expected step_every >= 1, got " +
                                      std::to_string(spec.step_every));
  OHM_CHECK(spec.pct_start >= 0 && spec.pct_start <= 1,
            "[schedule] expected pct_start in 0..1, got " +
                std::to_string(spec.pct_start));
  OHM_CHECK(spec.div > 0 && spec.final_div > 0,
            "[schedule] expected div and final_div above 0, got " +
                std::to_string(spec.div) + " and " +
                std::to_string(spec.final_div));
}

}  // namespace

int64_t Duration::Steps(int64_t steps_per_epoch) const {
  OHM_CHECK(steps_per_epoch >= 1,
            "[duration] expected at least 1 step per epoch, got " +
                std::to_string(steps_per_epoch));
  const double scale =
      unit == Unit::kEpochs ? static_cast<double>(steps_per_epoch) : 1.0;
  return std::llround(count * scale);
}

std::string Duration::str() const {
  char text[32];
  const auto end =
      std::to_chars(text, text + sizeof(text), count, std::chars_format::fixed);
  OHM_CHECK(end.ec == std::errc(), "[duration] count out of range");
  return std::string(text, end.ptr) + (unit == Unit::kEpochs ? "e" : "s");
}

Duration ParseDuration(const std::string& text) {
  constexpr double kMost = 1e12;
  const char* begin = text.data();
  const char* end = begin + text.size();
  Duration duration;
  const auto [rest, code] =
      std::from_chars(begin, end, duration.count, std::chars_format::fixed);
  bool good = code == std::errc() && rest + 1 == end &&
              (*rest == 'e' || *rest == 's') && duration.count >= 0 &&
              duration.count <= kMost && text[0] != '-';
  if (good && *rest == 's') {
    duration.unit = Duration::Unit::kSteps;
    good = duration.count == std::floor(duration.count);
  }
  OHM_CHECK(good,
            "expected a duration such as \"5e\" (epochs) or \"500s\" (steps), "
            "got \"" +
                text + "\"");
  return duration;
}

std::vector<std::string> ScheduleNames() { return NamesOf(kSchedules); }

double LearningRate(const ScheduleSpec& spec, int64_t step) {
  const ScheduleRow& row = FindSchedule(spec.kind);
  CheckSpec(spec, row);
  OHM_CHECK(step >= 0 && step < spec.total_steps,
            "[schedule] expected a step below " +
                std::to_string(spec.total_steps) + ", got " +
                std::to_string(step));
  if (step < spec.warmup_steps) {
    return spec.lr * double(step + 1) / double(spec.warmup_steps);
  }
  return row.rate(spec, step);
}

}  // namespace ohm::train
