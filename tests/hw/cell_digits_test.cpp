// Digits of cells, and what writing others over them costs.
#include "hw/cell_digits.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "hw/held_cells.h"
#include "tests/support/gradient_check.h"

namespace ohm::test {
namespace {

// 40 rows in arrays of 16, 5 outputs; codes of 7 bits and a sign.
hw::CellDigits Cells(const Tensor& codes, hw::CrossbarSpec spec) {
  spec.rows = 16;
  return {codes, hw::TileMap({1, 40, 5, 1}, spec), spec};
}

TEST_CASE("a write counts the cells, rows and arrays whose digits differ") {
  hw::CrossbarSpec pairs;
  const Tensor zero = Tensor::Zeros({5, 40});
  Tensor codes = zero.Clone();
  CHECK(hw::CostOfWriting(Cells(zero, pairs), Cells(codes, pairs)) ==
        hw::WriteCost{});
  codes.data()[0 * 40 + 3] = 7;   // output 0, row 3: one arm
  codes.data()[2 * 40 + 3] = 5;   // the same row of the same array
  codes.data()[2 * 40 + 4] = -5;  // the other arm
  codes.data()[4 * 40 + 39] = 1;  // the last, partial row tile
  const auto cost = hw::CostOfWriting(Cells(zero, pairs), Cells(codes, pairs));
  CHECK(cost == hw::WriteCost{4, 3, 3, 4});
  CHECK(hw::CostOfWriting(Cells(codes, pairs), Cells(zero, pairs)) == cost);
  // A sign that changes empties one arm and fills the other.
  Tensor turned = codes.Clone();
  turned.data()[3] = -7;
  CHECK(hw::CostOfWriting(Cells(codes, pairs), Cells(turned, pairs)) ==
        hw::WriteCost{2, 2, 2, 1});
}

// -30 over 50 in one cell of the pair, and as pairs hold it: other cells.
TEST_CASE("a code that lies otherwise in its pair is a weight written") {
  hw::CrossbarSpec pairs;
  pairs.rows = 16;
  const hw::TileMap map({1, 40, 5, 1}, pairs);
  const Tensor code = Tensor::Full({5, 40}, -30.0F);
  Tensor minus = Tensor::Full({5, 40}, 30.0F);
  minus.data()[7] = 80;  // plus 50
  const hw::CellDigits as_pair(code, map, pairs),
      one_cell(code, map, pairs, minus);
  CHECK(hw::CostOfWriting(as_pair, one_cell) == hw::WriteCost{2, 2, 2, 1});
  CHECK(hw::CostOfWriting(one_cell, one_cell) == hw::WriteCost{});
}

TEST_CASE("of a weight in slices only the digits that differ are written") {
  hw::CrossbarSpec spec;
  spec.cell_bits = 2;
  const Tensor zero = Tensor::Zeros({5, 40});
  Tensor codes = zero.Clone();
  codes.data()[0] = 4 * 3 + 16 * 1;  // slices of 2 bits: 0, 3, 1, 0
  const hw::CellDigits before = Cells(zero, spec), after = Cells(codes, spec);
  CHECK(after.slices() > 1);
  std::vector<hw::ChangedCell> seen;
  hw::VisitChanged(before, after,
                   [&](const hw::ChangedCell& c) { seen.push_back(c); });
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].array == 0);
  CHECK(seen[0].row == 0);
  CHECK(seen[0].column == 1);
  CHECK(seen[0].before == 0);
  CHECK(seen[0].after == 3);
  CHECK(seen[1].column == 2);
  CHECK(seen[1].after == 1);
  CHECK(hw::CostOfWriting(before, after) == hw::WriteCost{2, 1, 1, 1});
}

// Whole codes of 7 bits and a sign.
Tensor RandomCodes(uint64_t key) {
  Tensor codes = RandomTensor({5, 40}, Key(key));
  for (float& code : codes.span()) {
    code = std::round(std::clamp(40 * code, -127.0F, 127.0F));
  }
  return codes;
}

// The list of what differs is all that it takes: written on arrays that hold
// the one set of cells, it leaves the other, and the list back the first.
void CheckLists(const hw::CellDigits& first, const hw::CellDigits& second) {
  hw::HeldCells held(first);
  REQUIRE(held.Holds(first));
  REQUIRE_FALSE(held.Holds(second));
  int64_t written = 0;
  const auto write = [&](const hw::ChangedCell& cell) {
    held.Write(cell);
    ++written;
  };
  hw::VisitChanged(first, second, write);
  CHECK(held.Holds(second));
  CHECK(written == hw::CostOfWriting(first, second).cells);
  hw::VisitChanged(second, first, write);
  CHECK(held.Holds(first));
}

TEST_CASE("programming lists turn one set of arrays into another, and back") {
  hw::CrossbarSpec pairs, slices, offset;
  slices.cell_bits = 2;
  offset.encoding = hw::Encoding::kOffset;
  offset.cell_bits = 3;
  hw::CrossbarSpec flips = offset;
  flips.column_flip = true;
  flips.adc_per = hw::AdcPer::kSlice;
  for (const hw::CrossbarSpec& spec : {pairs, slices, offset, flips}) {
    CheckLists(Cells(RandomCodes(1), spec), Cells(RandomCodes(2), spec));
  }
}

TEST_CASE("a list that does not fit its arrays is refused") {
  const Tensor zero = Tensor::Zeros({5, 40});
  hw::HeldCells held(Cells(zero, {}));
  CHECK_THROWS_WITH_AS(
      held.Write({1, 2, 3, 4, 5}),
      "[crossbar] array 1, row 2, column 3: expected level 4 to be written "
      "over, got 0",
      Error);
  CHECK_THROWS_AS(held.Write({6, 0, 0, 0, 1}), Error);  // 3 row tiles, 2 arms
  CHECK_THROWS_AS(held.Write({0, 16, 0, 0, 1}), Error);
  CHECK_THROWS_AS(held.Write({0, 0, 5, 0, 1}), Error);
}

}  // namespace
}  // namespace ohm::test
