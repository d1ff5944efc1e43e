#include "hw/geometry.h"

#include <doctest/doctest.h>

#include <set>
#include <tuple>
#include <vector>

#include "core/base/check.h"

namespace ohm::test {
namespace {

hw::CrossbarSpec Arrays(int rows, int columns) {
  hw::CrossbarSpec spec;
  spec.rows = rows;
  spec.columns = columns;
  return spec;
}

struct Case {
  hw::MatrixShape matrix;
  int rows, columns;
  int64_t row_tiles, tiles;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {{1, 1, 1}, 64, 64, 1, 1},       {{1, 64, 64}, 64, 64, 1, 1},
      {{1, 65, 64}, 64, 64, 2, 2},     {{1, 64, 65}, 64, 64, 1, 2},
      {{1, 144, 16}, 64, 64, 3, 3},    {{1, 576, 64}, 64, 64, 9, 9},
      {{3, 63, 17}, 16, 8, 4, 36},     {{32, 9, 1}, 64, 64, 1, 32},
      {{1, 130, 130}, 128, 32, 2, 10}, {{2, 3, 5}, 1, 1, 3, 30},
  };
  return cases;
}

TEST_CASE("every weight has one cell, inside its tile") {
  for (const Case& c : Cases()) {
    const hw::TileMap map(c.matrix, Arrays(c.rows, c.columns));
    CHECK(map.row_tiles() == c.row_tiles);
    CHECK(map.tiles() == c.tiles);
    CHECK(map.MaskEntries() ==
          Shape{c.row_tiles, c.matrix.groups * c.matrix.outputs});
    std::set<std::tuple<int64_t, int64_t, int64_t>> cells;
    std::set<int64_t> tiles;
    for (int64_t o = 0; o < map.outputs(); ++o) {
      for (int64_t k = 0; k < c.matrix.fan_in; ++k) {
        const hw::CellPlace place = map.Locate(o, k);
        REQUIRE(place.tile >= 0);
        REQUIRE(place.tile < map.tiles());
        REQUIRE(place.row < int64_t(map.RowsOf(k / c.rows).size()));
        REQUIRE(place.column < c.columns);
        REQUIRE(place.tile == map.TileOf(k / c.rows, o));
        REQUIRE(map.RowsOf(k / c.rows)[size_t(place.row)] == k);
        cells.insert({place.tile, place.row, place.column});
        tiles.insert(place.tile);
      }
    }
    const int64_t weights = map.outputs() * c.matrix.fan_in;
    CHECK(int64_t(cells.size()) == weights);
    CHECK(int64_t(tiles.size()) == c.tiles);

    const hw::CrossbarSpec spec = Arrays(c.rows, c.columns);
    const hw::MappingReport report = hw::Report(map, spec);
    CHECK(report.arrays == 2 * c.tiles);
    CHECK(report.used_cells == 2 * weights);
    CHECK(report.cells == 2 * c.tiles * c.rows * c.columns);
    CHECK(report.logical_columns == map.MaskEntries().count());
  }
}

TEST_CASE("rows of the last tile are what remains, and groups share no tile") {
  const hw::TileMap map({2, 130, 70}, Arrays(64, 64));
  CHECK(map.RowsOf(0).size() == 64);
  CHECK(map.RowsOf(2).size() == 2);
  CHECK(map.column_tiles() == 2);
  CHECK(map.TileOf(0, 63) == 0);
  CHECK(map.TileOf(0, 64) == 1);
  CHECK(map.TileOf(2, 69) == 5);
  CHECK(map.TileOf(0, 70) == 6);  // first output of the second group
  CHECK(map.Locate(70, 129).row == 1);
  CHECK(map.Locate(70, 129).column == 0);
}

std::vector<int32_t> Rows(const hw::TileMap& map, int64_t t) {
  return {map.RowsOf(t).begin(), map.RowsOf(t).end()};
}

TEST_CASE("rows come in the named order, whole runs if aligned") {
  // 2x2 kernel positions of 3 channels; fan-in index = position * 3 + channel.
  const hw::MatrixShape matrix{1, 12, 4, 4};
  hw::CrossbarSpec spec = Arrays(5, 64);
  CHECK(Rows(hw::TileMap(matrix, spec), 0) ==
        std::vector<int32_t>{0, 1, 2, 3, 4});
  spec.row_order = hw::RowOrder::kCKhKw;
  const hw::TileMap by_channel(matrix, spec);
  CHECK(by_channel.row_tiles() == 3);
  CHECK(Rows(by_channel, 0) == std::vector<int32_t>{0, 3, 6, 9, 1});
  CHECK(Rows(by_channel, 2) == std::vector<int32_t>{8, 11});
  spec.packing = hw::Packing::kAligned;
  const hw::TileMap aligned(matrix, spec);  // a channel's kernel per array
  CHECK(aligned.row_tiles() == 3);
  CHECK(Rows(aligned, 1) == std::vector<int32_t>{1, 4, 7, 10});
  CHECK(aligned.Locate(2, 7).tile == 1);
  CHECK(aligned.Locate(2, 7).row == 2);
  spec.row_order = hw::RowOrder::kKhKwC;
  spec.rows = 7;  // two kernel positions of 3 channels
  CHECK(Rows(hw::TileMap(matrix, spec), 1) ==
        std::vector<int32_t>{6, 7, 8, 9, 10, 11});
  spec.rows = 2;  // a run that no array holds is cut, the next starts anew
  const hw::TileMap cut(matrix, spec);
  CHECK(cut.row_tiles() == 8);
  CHECK(Rows(cut, 1) == std::vector<int32_t>{2});
  CHECK(Rows(cut, 2) == std::vector<int32_t>{3, 4});
}

TEST_CASE("slices share an array, side by side, and PEs hold arrays") {
  hw::CrossbarSpec spec = Arrays(16, 10);
  spec.cell_bits = 2;  // 7 magnitude bits: 4 slices
  const hw::TileMap map({1, 20, 5}, spec);
  CHECK(map.outputs_per_tile() == 2);
  CHECK(map.column_tiles() == 3);
  CHECK(map.Locate(3, 0).column == 4);
  spec.pe_arrays = 5;
  hw::MappingReport report = hw::Report(map, spec);
  CHECK(report.arrays == 2 * 6);
  CHECK(report.pes == 3);
  CHECK(report.used_cells == 2 * 4 * 20 * 5);
  spec.encoding = hw::Encoding::kOffset;  // 8 bits: 4 slices, one arm
  report = hw::Report(hw::TileMap({1, 20, 5}, spec), spec);
  CHECK(report.arrays == 6);
  CHECK(report.used_cells == 4 * 20 * 5);
  spec.columns = 3;
  CHECK_THROWS_WITH_AS(
      hw::TileMap({1, 20, 5}, spec),
      doctest::Contains("hw.columns: expected at least 4, the slices"), Error);
}

TEST_CASE("ResNet-20's 3x3 stages take the arrays that the literature counts") {
  // 97 for its 19 convolutions (option-A shortcuts have no weights).
  const auto tiles = [](int64_t out, int64_t in) {
    return hw::TileMap(hw::MatrixOf({out, 3, 3, in}, 1), Arrays(64, 64))
        .tiles();
  };
  const int64_t convolutions = tiles(16, 3) + 6 * tiles(16, 16) +
                               tiles(32, 16) + 5 * tiles(32, 32) +
                               tiles(64, 32) + 5 * tiles(64, 64);
  CHECK(convolutions == 97);
}

TEST_CASE("shapes that are no weights, and places that are none, are errors") {
  CHECK_THROWS_AS(hw::MatrixOf({4, 3, 3}, 1), Error);
  CHECK_THROWS_AS(hw::MatrixOf({4, 3, 3, 2}, 3), Error);
  CHECK_THROWS_AS(hw::MatrixOf({4, 2}, 0), Error);
  const hw::TileMap map({1, 5, 4}, Arrays(64, 64));
  CHECK_THROWS_AS(map.Locate(4, 0), Error);
  CHECK_THROWS_AS(map.Locate(0, 5), Error);
  CHECK_THROWS_AS(map.Locate(-1, 0), Error);
}

}  // namespace
}  // namespace ohm::test
