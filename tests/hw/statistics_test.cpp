#include "hw/statistics.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/base/parallel.h"
#include "tests/hw/layers.h"
#include "tests/support/near.h"

namespace ohm::test {
namespace {

TEST_CASE("tile statistics count every conversion and what it clips") {
  const int threads = Threads();
  for (uint64_t i = 0; i < 6; ++i) {
    hw::CrossbarSpec spec;
    if (i >= 3) {
      spec.adc_per = hw::AdcPer::kCycle;
      spec.cell_bits = 3;
      spec.input_slice_bits = 4;
    }
    LayerSizes sizes = RandomSizes(Key(70).Child(i));
    sizes.columns += 3;
    const CrossbarLayer layer = MakeLayer(sizes, spec, Key(71).Child(i));
    INFO("layer ", layer.name);
    const hw::Programmed weights = layer.Program();
    hw::Observed seen;
    const Tensor y = layer.Forward(&seen);
    std::vector<hw::TileStatistics> tiles, again;
    SetThreads(2);
    hw::CollectStatistics(layer.x, weights, layer.ranges, nullptr, &tiles);
    SetThreads(1);
    hw::CollectStatistics(layer.x, weights, layer.ranges, nullptr, &again);
    REQUIRE(int64_t(tiles.size()) == weights.map.tiles());
    const auto planes =
        int64_t(weights.slicing.slices.size() * weights.slicing.cycles.size());
    int64_t conversions = 0, saturated = 0;
    for (size_t t = 0; t < tiles.size(); ++t) {
      conversions += tiles[t].conversions;
      saturated += tiles[t].saturated;
      CHECK(tiles[t].sums.largest() == Near(double(seen.adc[t]), 1e-5));
      CHECK(tiles[t].range == Near(double(layer.ranges.adc[t]), 1e-5));
      CHECK(tiles[t].range_used() ==
            Near(double(seen.adc[t] / layer.ranges.adc[t]), 1e-4));
      CHECK(again[t].saturated == tiles[t].saturated);
      CHECK(again[t].sums.Filled() == tiles[t].sums.Filled());
    }
    CHECK(conversions == y.count() * weights.map.row_tiles() * planes);
    if (weights.slicing.whole()) {
      CHECK(saturated == int64_t(seen.clipped.size()));
    }
  }
  SetThreads(threads);
}

TEST_CASE("an ideal converter clips nothing, however large sums are") {
  hw::CrossbarSpec spec;
  spec.weight_bits = spec.dac_bits = 16;
  spec.adc_bits = 0;
  const CrossbarLayer layer = MakeLayer(RandomSizes(Key(72)), spec, Key(73));
  std::vector<hw::TileStatistics> tiles;
  hw::CollectStatistics(layer.x, layer.Program(), layer.ranges, nullptr,
                        &tiles);
  REQUIRE(!tiles.empty());
  for (const hw::TileStatistics& tile : tiles) {
    CHECK(tile.conversions > 0);
    CHECK(tile.saturated == 0);
  }
}

TEST_CASE("tile statistics count what noise adds to sums") {
  hw::CrossbarSpec spec;
  CrossbarLayer layer = MakeLayer(RandomSizes(Key(74)), spec, Key(75));
  layer.chip.device.read_noise.sigma = 0.05;
  const hw::Programmed weights = layer.Program();
  const hw::PassNoise noise{Key(76), 0, {}, {}};
  hw::Observed seen;
  hw::Forward(layer.x, weights, layer.ranges, layer.gain, &seen, &noise);
  std::vector<hw::TileStatistics> tiles, quiet;
  hw::CollectStatistics(layer.x, weights, layer.ranges, &noise, &tiles);
  hw::CollectStatistics(layer.x, weights, layer.ranges, nullptr, &quiet);
  int64_t saturated = 0;
  for (size_t t = 0; t < tiles.size(); ++t) {
    CHECK(tiles[t].sums.largest() == Near(double(seen.adc[t]), 1e-4));
    CHECK(tiles[t].sums.Filled() != quiet[t].sums.Filled());
    saturated += tiles[t].saturated;
  }
  CHECK(saturated == int64_t(seen.clipped.size()));
}

// isaac128's: 4 slices of weights by 8 cycles, each converted, computed as one
// product where the ADC loses nothing.
TEST_CASE("tile statistics count conversions that lose nothing one by one") {
  hw::CrossbarSpec spec;
  spec.adc_per = hw::AdcPer::kCycle;
  spec.cell_bits = 2;
  spec.input_slice_bits = 1;
  spec.encoding = hw::Encoding::kOffset;
  spec.input_sign = hw::InputSign::kOffset;
  spec.calibration = hw::Calibration::kFullScale;
  LayerSizes sizes = RandomSizes(Key(77));
  sizes.columns = 64;
  const CrossbarLayer layer = MakeLayer(sizes, spec, Key(78));
  const hw::Programmed weights = hw::Program(
      layer.w, layer.conv, layer.spec, {.shortcut = hw::Shortcut::kNever});
  REQUIRE(weights.lossless);
  const Tensor y = layer.Forward();
  std::vector<hw::TileStatistics> tiles;
  hw::CollectStatistics(layer.x, weights, layer.ranges, nullptr, &tiles);
  int64_t conversions = 0;
  for (const hw::TileStatistics& tile : tiles) {
    conversions += tile.conversions;
    CHECK(tile.range > 0);
    CHECK(tile.saturated == 0);
    CHECK(tile.range_used() <= 1);
  }
  const auto planes =
      int64_t(weights.slicing.slices.size() * weights.slicing.cycles.size());
  REQUIRE(planes > 1);
  CHECK(conversions == y.count() * weights.map.row_tiles() * planes);
}

}  // namespace
}  // namespace ohm::test
