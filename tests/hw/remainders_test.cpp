#include "hw/remainders.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "core/base/random.h"
#include "hw/kernels/tile.h"

namespace ohm::test {
namespace {

// [tile, column, row of the layer's inputs].
using Weights = std::map<std::tuple<int64_t, int64_t, int64_t>, int8_t>;

Weights RandomWeights(int64_t tiles, int64_t outputs, int64_t rows,
                      double share, Key key) {
  Weights weights;
  for (int64_t t = 0; t < tiles; ++t) {
    for (int64_t n = 0; n < outputs; ++n) {
      for (int64_t r = t; r < rows; r += tiles) {
        const auto at = uint64_t((t * outputs + n) * rows + r);
        if (key.Child("any").Uniform(at) >= share) continue;
        weights[{t, n, r}] = int8_t(1 + key.Child("rest").Below(at, 127));
      }
    }
  }
  return weights;
}

// What the steps hold; checks that none is there twice.
Weights Unpacked(const hw::PackedRemainders& packed, int64_t tiles,
                 int64_t columns) {
  Weights weights;
  for (int64_t t = 0; t < tiles; ++t) {
    for (auto s = packed.first[size_t(t)]; s < packed.first[size_t(t) + 1];
         ++s) {
      for (int64_t i = 0; i < columns * 4; ++i) {
        const auto at = size_t(s * columns * 4 + i);
        REQUIRE(packed.picks[at] < hw::kWindowBytes);
        if (packed.weights[at] == 0) continue;
        const int64_t row = packed.windows[size_t(s)] * 4 + packed.picks[at];
        REQUIRE(
            weights.try_emplace({t, i / 4, row}, packed.weights[at]).second);
      }
    }
  }
  return weights;
}

// As few as columns with four rows of a window each can do with.
int64_t StepsFor(const Weights& weights, int64_t run) {
  std::map<std::tuple<int64_t, int64_t, int64_t>, int64_t> of_column;
  std::map<std::tuple<int64_t, int64_t, int64_t>, int64_t> steps;
  for (const auto& [place, rest] : weights) {
    const auto& [tile, column, row] = place;
    const int64_t at_run = row / 4 / run, window = row / 4 % run / 16;
    const int64_t id = at_run * 1000 + window;
    const int64_t count = ++of_column[{tile, id, column}];
    auto& needed = steps[{tile, id, 0}];
    needed = std::max(needed, (count + 3) / 4);
  }
  int64_t sum = 0;
  for (const auto& [id, count] : steps) sum += count;
  return sum;
}

TEST_CASE("remainders are packed each once, in as few steps as can be") {
  uint64_t index = 0;
  for (const int64_t run : {1, 4, 12, 16, 18, 48}) {
    for (const int64_t outputs : {1, 16, 40}) {
      for (const double share : {0.0, 0.01, 0.3}) {
        CAPTURE(run);
        CAPTURE(outputs);
        CAPTURE(share);
        constexpr int64_t kTiles = 3;
        const int64_t columns = (outputs + 15) / 16 * 16, rows = run * 4 * 3;
        const Weights weights =
            RandomWeights(kTiles, outputs, rows, share, Key(5).Child(index++));
        hw::RemainderPacker packer(run, kTiles, columns);
        for (const auto& [place, rest] : weights) {
          const auto& [tile, column, row] = place;
          packer.Add(tile, column, int32_t(row / 4), int32_t(row % 4), rest);
        }
        const hw::PackedRemainders packed = std::move(packer).Pack();
        CHECK(Unpacked(packed, kTiles, columns) == weights);
        CHECK(int64_t(packed.windows.size()) == StepsFor(weights, run));
      }
    }
  }
}

}  // namespace
}  // namespace ohm::test
