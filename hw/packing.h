// How the rows of a layer's tiles lie in what the kernels read: in pieces, one
// piece a quad of four channels of one kernel position (bytes), or one row
// (floats).
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor/tensor.h"
#include "hw/geometry.h"

namespace ohm::hw {

struct PackedRowTile {
  int64_t first = 0, count = 0;       // in `pieces`
  int64_t high = 0;                   // leading pieces that count 256 times
  int64_t first_word = 0, words = 0;  // of 32 rows, where inputs are bits
};

// Numbers that do not fit a byte take two pieces.
enum class Width : uint8_t {
  kByte,  // |value| <= 127
  kWide,  // |value| <= 32639: all quads are there twice, high digits first
};
inline constexpr int kMostWide = 127 * 256 + 127;

// The finest parts of a number, at most 1/256, in which kWide holds columns of
// numbers and 32 bits hold their products with inputs of up to `largest_input`.
// `numbers` [columns, fan-in]. Error where not even whole ones fit.
int PartsFor(const Tensor& numbers, const TileMap& map, int largest_input);

// Where a row lies.
struct RowPlace {
  int32_t piece;   // within its row tile
  int32_t second;  // for the rest of the number; -1: none
  int32_t lane;    // of a quad; 0 for single rows
  int32_t fan_in;  // index
};

struct RowLayout {
  std::vector<RowPlace> places;  // of all row tiles, their rows in order
  std::vector<int32_t> pieces;   // of all row tiles: which quad or row
  std::vector<PackedRowTile> row_tiles;
};

// `quads` of a kernel position; 0: single rows.
RowLayout LayOutRows(const TileMap& map, int64_t quads, Width width);

// A number as the bytes of its pieces.
struct SplitBytes {
  int8_t first = 0, second = 0;
};
inline SplitBytes Split(int value, Width width) {
  if (width == Width::kByte) return {static_cast<int8_t>(value), 0};
  const int high = (value + 128) >> 8;
  return {static_cast<int8_t>(high), static_cast<int8_t>(value - 256 * high)};
}

}  // namespace ohm::hw
