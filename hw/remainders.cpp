#include "hw/remainders.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "hw/kernels/tile.h"

namespace ohm::hw {
namespace {

constexpr int64_t kWindowQuads = kWindowBytes / 4;

}  // namespace

RemainderPacker::RemainderPacker(int64_t run, int64_t tiles,
                                 int64_t padded_outputs)
    : run_(run), columns_(padded_outputs) {
  packed_.first.assign(size_t(tiles + 1), 0);
}

void RemainderPacker::Add(int64_t tile, int64_t column, int32_t quad,
                          int32_t lane, int8_t rest) {
  const int64_t in_window = quad % run_ % kWindowQuads;
  entries_.push_back({static_cast<int32_t>(tile),
                      static_cast<int32_t>(quad - in_window),
                      static_cast<int32_t>(column),
                      static_cast<uint8_t>(in_window * 4 + lane), rest});
}

PackedRemainders RemainderPacker::Pack() && {
  std::ranges::sort(entries_, {}, [](const Entry& e) {
    return std::tuple(e.tile, e.window, e.column, e.pick);
  });
  for (size_t begin = 0, end = 0; begin < entries_.size(); begin = end) {
    const Entry& one = entries_[begin];
    while (end < entries_.size() && entries_[end].tile == one.tile &&
           entries_[end].window == one.window) {
      ++end;
    }
    const size_t before = packed_.windows.size();
    PackWindow({&one, end - begin});
    packed_.first[size_t(one.tile) + 1] +=
        static_cast<int32_t>(packed_.windows.size() - before);
  }
  std::partial_sum(packed_.first.begin(), packed_.first.end(),
                   packed_.first.begin());
  return std::move(packed_);
}

void RemainderPacker::PackWindow(std::span<const Entry> entries) {
  const size_t begin = packed_.windows.size();
  std::vector<size_t> used(size_t(columns_), 0);
  for (const Entry& e : entries) {
    const size_t nth = used[size_t(e.column)]++;
    const size_t step = begin + nth / 4;
    if (step == packed_.windows.size()) {
      packed_.windows.push_back(e.window);
      packed_.picks.resize((step + 1) * size_t(columns_) * 4, 0);
      packed_.weights.resize((step + 1) * size_t(columns_) * 4, 0);
    }
    const size_t at =
        (step * size_t(columns_) + size_t(e.column)) * 4 + nth % 4;
    packed_.picks[at] = e.pick;
    packed_.weights[at] = e.rest;
  }
}

}  // namespace ohm::hw
