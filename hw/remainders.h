// What corrections have beyond a byte, as hw/kernels/tile.h reads it. Where
// both cells of a pair are stuck, at opposite ends, a correction is up to 254
// codes; of 10 % / 10 % stuck cells that is 1 % of the weights, but in 64
// columns nearly every quad of rows has one. Internal to hw.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ohm::hw {

struct PackedRemainders {
  std::vector<int32_t> first;    // [tiles + 1]: where row tiles' steps begin
  std::vector<int32_t> windows;  // their first quads, as PackedCodes::pieces
  std::vector<uint8_t> picks;    // [steps, padded_outputs, 4]
  std::vector<int8_t> weights;   // the same
};

class RemainderPacker {
 public:
  // `run` quads of a window of inputs lie one after the other, and the next
  // ones elsewhere; row tiles of all groups; padded outputs of a tile.
  RemainderPacker(int64_t run, int64_t tiles, int64_t padded_outputs);

  // `rest` on channel `lane` of a quad, not 0. At most once for each weight, in
  // any order.
  void Add(int64_t tile, int64_t column, int32_t quad, int32_t lane,
           int8_t rest);

  PackedRemainders Pack() &&;

 private:
  struct Entry {
    int32_t tile, window, column;
    uint8_t pick;  // of the window
    int8_t rest;
  };

  // Those of one tile and window.
  void PackWindow(std::span<const Entry> entries);

  int64_t run_, columns_;
  PackedRemainders packed_;
  std::vector<Entry> entries_;
};

}  // namespace ohm::hw
