// Weights written over pairs by one of their cells (tasks.rewrite = cell).
#include "hw/rewrite.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "hw/cell_digits.h"
#include "hw/reference.h"
#include "tests/hw/layers.h"
#include "tests/support/near.h"

namespace ohm::test {
namespace {

TEST_CASE("rewrite: one cell reaches all that it can, and both the rest") {
  for (const int largest : {1, 7, 127}) {
    for (int before = -largest; before <= largest; ++before) {
      const int minus_before = std::max(-before, 0);
      const auto reached = hw::ReachedByOneCell(before, largest);
      for (int code = -largest; code <= largest; ++code) {
        const int minus = hw::MinusArm(code, before, largest);
        const int plus = code + minus;
        REQUIRE(std::min(plus, minus) >= 0);
        REQUIRE(std::max(plus, minus) <= largest);
        const int written = (minus != minus_before ? 1 : 0) +
                            (plus != before + minus_before ? 1 : 0);
        const int by_plus = code + minus_before;
        const int by_minus = before + minus_before - code;
        const bool in_reach = (by_plus >= 0 && by_plus <= largest) ||
                              (by_minus >= 0 && by_minus <= largest);
        REQUIRE(in_reach == (code >= reached.low && code <= reached.high));
        REQUIRE(written == (code == before ? 0 : in_reach ? 1 : 2));
      }
    }
  }
}

TEST_CASE("rewrite: a turned weight costs one cell instead of two") {
  const hw::CrossbarSpec spec;
  const hw::TileMap map({1, 40, 5, 1}, spec);
  Tensor before = Tensor::Zeros({5, 40});
  before.data()[0] = 30;   // turns
  before.data()[50] = -9;  // turns
  before.data()[99] = 5;   // keeps its sign
  before.data()[7] = 100;  // out of one cell's reach
  before.data()[3] = 127;  // so that codes are weights
  Tensor codes = before.Clone();
  codes.data()[0] = -20;
  codes.data()[50] = 1;
  codes.data()[99] = 80;
  codes.data()[7] = -100;
  const hw::CellDigits old(before, map, spec);
  const Tensor minus = hw::MinusArms(codes, before, 127, spec);
  const hw::CellDigits now(codes, map, spec, minus);
  CHECK(hw::CostOfWriting(old, now).cells == 1 + 1 + 1 + 2);
  CHECK(hw::CostOfWriting(now, old).cells == 1 + 1 + 1 + 2);
  CHECK(hw::CostOfWriting(old, hw::CellDigits(codes, map, spec)).cells ==
        2 + 2 + 1 + 2);
  // Cells that stand alone have no arm to keep.
  hw::CrossbarSpec offset = spec;
  offset.encoding = hw::Encoding::kOffset;
  CHECK_FALSE(hw::MinusArms(codes, before, 127, offset).defined());
  CHECK_THROWS_AS(hw::MinusArms(codes, Tensor::Zeros({5, 39}), 127, spec),
                  Error);
}

// A layer whose weights replace others, many of the other sign.
struct Rewritten {
  CrossbarLayer layer;
  Tensor before;
  float range;

  hw::Writing Writing() const { return {.range = range, .before = &before}; }
  // What the pairs hold, slice by slice: [slices, out, fan-in].
  Tensor Digits(const hw::Programmed& program) const {
    const int64_t slices = int64_t(program.slicing.slices.size());
    const int64_t count = program.codes.count();
    Tensor digits = Tensor::Empty(
        {slices, program.map.outputs(), program.map.matrix().fan_in});
    for (int64_t i = 0; i < slices * count; ++i) {
      const auto slice = static_cast<size_t>(i / count);
      const int minus = int(program.minus.data()[i % count]);
      const int plus = int(program.codes.data()[i % count]) + minus;
      digits.data()[i] = float(program.slicing.WeightDigit(plus, slice) -
                               program.slicing.WeightDigit(minus, slice));
    }
    return digits;
  }
};

Rewritten MakeRewritten(const hw::CrossbarSpec& spec, Key key) {
  Rewritten made{MakeLayer({2, 6, 5, 1, 9, 17, 3, 3, 1, 1}, spec, key), {}, 0};
  made.before =
      MakeLayer({2, 6, 5, 1, 9, 17, 3, 3, 1, 1}, spec, key.Child(1)).w;
  for (const float v : made.layer.w.span()) {
    made.range = std::max(made.range, std::fabs(v));
  }
  return made;
}

TEST_CASE("rewrite: slices converted apart compute with what the pairs hold") {
  hw::CrossbarSpec spec;
  spec.cell_bits = 2;
  spec.adc_per = hw::AdcPer::kSlice;
  spec.adc_bits = 6;
  for (const uint64_t seed : {3, 4}) {
    const Rewritten made = MakeRewritten(spec, Key(seed));
    const CrossbarLayer& layer = made.layer;
    const auto program = hw::Program(layer.w, layer.conv, spec, made.Writing());
    REQUIRE(program.minus.defined());
    const Tensor digits = made.Digits(program);
    // Some really are no longer the code's own.
    bool mixed = false;
    for (int64_t i = 0; i < program.codes.count(); ++i) {
      const float minus = program.minus.data()[i];
      mixed = mixed || (minus > 0 && program.codes.data()[i] + minus > 0);
    }
    CHECK(mixed);
    const Tensor y =
        hw::Forward(layer.x, program, layer.ranges, layer.gain, nullptr);
    const auto expected = hw::reference::Forward(
        layer.x, layer.w, layer.conv, spec, layer.ranges, layer.gain, digits);
    int64_t compared = 0;
    for (int64_t i = 0; i < y.count(); ++i) {
      if (expected.margin.data()[i] < 0.01F) continue;
      ++compared;
      CHECK(double(y.data()[i]) == Near(double(expected.y.data()[i]), 1e-4));
    }
    CHECK(compared > 0);
  }
}

TEST_CASE("rewrite: on devices the pair is the weight, and more conductance") {
  hw::CrossbarSpec spec;
  spec.stuck_correction = hw::StuckCorrection::kPlain;
  const Rewritten made = MakeRewritten(spec, Key(5));
  const CrossbarLayer& layer = made.layer;
  hw::LayerOnChip chip = layer.chip;
  chip.key = Key(6);
  chip.device.stuck_at.gmax = 0.05;
  chip.device.thermal_noise.on = true;
  hw::Writing writing = made.Writing();
  writing.chip = &chip;
  const auto kept = hw::Program(layer.w, layer.conv, spec, writing);
  writing.before = nullptr;
  const auto pair = hw::Program(layer.w, layer.conv, spec, writing);
  REQUIRE(kept.faulty_cells > 0);
  REQUIRE(kept.faulty_cells == pair.faulty_cells);
  // Stuck cells are corrected, whatever the other cell of their pair holds.
  for (int64_t i = 0; i < kept.effective.count(); ++i) {
    CHECK(std::fabs(kept.effective.data()[i] -
                    kept.codes.data()[i] * kept.step) <= 1e-3F * kept.step);
  }
  double more = 0, less = 0;
  const auto read = [&](const Tensor& minus) {
    return hw::CellsOnChip(kept.codes, kept.map, spec, kept.slicing, chip,
                           nullptr, minus)
        .read.constant;
  };
  for (const float v : read(kept.minus).span()) more += double(v);
  for (const float v : read({}).span()) less += double(v);
  CHECK(more > 1.05 * less);
}

}  // namespace
}  // namespace ohm::test
