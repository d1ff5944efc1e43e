#include "train/schedule.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "tests/support/near.h"
#include "tests/train/scratch_folder.h"

namespace ohm::train {
namespace {

std::string RateError(const ScheduleSpec& spec, int64_t step) {
  return MessageOf([&] { LearningRate(spec, step); });
}

}  // namespace

TEST_CASE("durations: both units, text and back") {
  CHECK(ParseDuration("5e").Steps(391) == 5 * 391);
  CHECK(ParseDuration("0.5e").Steps(391) == 196);
  CHECK(ParseDuration("16000s").Steps(391) == 16000);
  for (const char* text : {"5e", "0.5e", "500s", "0e", "16000000s"}) {
    CHECK(ParseDuration(text).str() == text);
  }
  for (const char* text : {"", "5", "e", "-1e", "-0e", "5x", "5 e", "5ee",
                           "1.5s", "1e3s", "nane", "infe", "99999999999999e"}) {
    CAPTURE(text);
    const auto message = MessageOf([&] { ParseDuration(text); });
    CHECK(Contains(message, "\"5e\""));
    CHECK(Contains(message, "\"" + std::string(text) + "\""));
  }
}

TEST_CASE("schedule: constant with warm-up") {
  const ScheduleSpec spec{.lr = 0.4, .total_steps = 10, .warmup_steps = 4};
  CHECK(LearningRate(spec, 0) == test::Near(0.1));
  CHECK(LearningRate(spec, 3) == test::Near(0.4));
  CHECK(LearningRate(spec, 4) == test::Near(0.4));
  CHECK(LearningRate(spec, 9) == test::Near(0.4));
}

TEST_CASE("schedule: cosine falls from the peak after the warm-up") {
  ScheduleSpec spec{.kind = "cosine",
                    .lr = 0.2,
                    .total_steps = 104,
                    .warmup_steps = 4,
                    .final_lr_ratio = 0.1};
  CHECK(LearningRate(spec, 1) == test::Near(0.1));
  CHECK(LearningRate(spec, 4) == test::Near(0.2));
  CHECK(LearningRate(spec, 54) == test::Near(0.11));
  const double last =
      0.02 + 0.18 * (1 + std::cos(std::numbers::pi * 99 / 100)) / 2;
  CHECK(LearningRate(spec, 103) == test::Near(last));
  for (int64_t step = 5; step < 104; ++step) {
    CHECK(LearningRate(spec, step) < LearningRate(spec, step - 1));
  }
}

TEST_CASE("schedule: step drops at each multiple") {
  const ScheduleSpec spec{.kind = "step",
                          .lr = 1,
                          .total_steps = 100,
                          .step_every = 30,
                          .step_factor = 0.5};
  CHECK(LearningRate(spec, 29) == test::Near(1));
  CHECK(LearningRate(spec, 30) == test::Near(0.5));
  CHECK(LearningRate(spec, 99) == test::Near(0.125));
}

TEST_CASE("schedule: one-cycle has torch OneCycleLR's values") {
  // torch.optim.lr_scheduler.OneCycleLR(max_lr=0.4, total_steps=20,
  // pct_start=0.3, div_factor=25, final_div_factor=1e4): phases end at steps 5
  // and 19.
  const ScheduleSpec spec{.kind = "onecycle", .lr = 0.4, .total_steps = 20};
  CHECK(LearningRate(spec, 0) == test::Near(0.016));
  CHECK(LearningRate(spec, 1) == test::Near(0.0526687, 1e-5));
  CHECK(LearningRate(spec, 5) == test::Near(0.4));
  CHECK(LearningRate(spec, 12) == test::Near(0.2000008, 1e-7));
  CHECK(LearningRate(spec, 19) == test::Near(1.6e-6));
}

TEST_CASE("schedule: one-cycle without a rise begins to fall before step 0") {
  // torch: the fall is from step -1 to 9, so at 0 a tenth of it is done.
  const ScheduleSpec spec{
      .kind = "onecycle", .lr = 1, .total_steps = 10, .pct_start = 0};
  CHECK(LearningRate(spec, 0) == test::Near(0.9755284, 1e-5));
  CHECK(LearningRate(spec, 9) == test::Near(4e-6));
}

TEST_CASE("schedule: one-cycle at the edges stays finite") {
  for (const double pct_start : {0.0, 0.05, 0.5, 1.0}) {
    for (const int64_t total : {1, 2, 3, 20}) {
      const ScheduleSpec spec{.kind = "onecycle",
                              .lr = 0.4,
                              .total_steps = total,
                              .pct_start = pct_start};
      for (int64_t step = 0; step < total; ++step) {
        CAPTURE(pct_start);
        CAPTURE(step);
        const double lr = LearningRate(spec, step);
        CHECK(std::isfinite(lr));
        CHECK(lr > 0);
        CHECK(lr <= 0.4 + 1e-12);
      }
    }
  }
}

TEST_CASE("schedule: wrong specs say what was expected") {
  CHECK(Contains(RateError({.kind = "cosin"}, 0), "'cosin'"));
  CHECK(Contains(RateError({.total_steps = 0}, 0), "got 0"));
  CHECK(Contains(RateError({.total_steps = 5, .warmup_steps = 5}, 0),
                 "shorter than the 5 steps"));
  CHECK(Contains(
      RateError({.kind = "onecycle", .total_steps = 50, .warmup_steps = 5}, 0),
      "has its own"));
  CHECK(Contains(RateError({.total_steps = 5}, 5), "a step below 5, got 5"));
  CHECK(Contains(RateError({.step_every = 0}, 0), "step_every >= 1"));
}

TEST_CASE("schedule: all names in the table work") {
  for (const std::string& name : ScheduleNames()) {
    CHECK(LearningRate({.kind = name, .lr = 1, .total_steps = 10}, 3) > 0);
  }
}

}  // namespace ohm::train
