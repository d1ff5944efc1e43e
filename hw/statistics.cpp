#include "hw/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/adc.h"
#include "hw/noise_adder.h"
#include "hw/tile_pass.h"

namespace ohm::hw {
namespace {

// One thread's counts.
class Counter {
 public:
  Counter(const TilePass& pass, const Programmed& weights,
          const Conversion& conversion, const PassNoise* noise)
      : pass_(pass),
        weights_(weights),
        conversion_(conversion),
        noise_(pass, weights, conversion, noise),
        tiles_(size_t(weights.map.tiles())) {}

  void Run(int64_t begin, int64_t end) {
    pass_.Run(begin, end, [&](const TileBlock& block) {
      if (weights_.slicing.whole()) {
        return Count(block, 0, block,
                     conversion_.Adc(block.group, block.row_tile));
      }
      for (size_t plane = 0; plane < pass_.planes(); ++plane) {
        Count(block, plane, pass_.Plane(block, plane, &scratch_),
              conversion_.PlaneAdc(block.group, block.row_tile, plane));
      }
    });
  }

  void AddTo(std::vector<TileStatistics>* tiles) const {
    for (size_t i = 0; i < tiles_.size(); ++i) {
      (*tiles)[i].conversions += tiles_[i].conversions;
      (*tiles)[i].saturated += tiles_[i].saturated;
      (*tiles)[i].sums.Merge(tiles_[i].sums);
    }
  }

 private:
  // `work`: the block of one plane, or the whole one.
  void Count(const TileBlock& block, size_t plane, const TileBlock& work,
             const TileAdc& adc) {
    const auto sums = pass_.Sums(work, &scratch_);
    noise_.Add(block, plane, sums);
    const int64_t together = weights_.map.outputs_per_tile();
    for (int64_t n = 0; n < adc.outputs; n += together) {
      TileStatistics& tile = tiles_[size_t(
          weights_.map.TileOf(block.row_tile, block.group * adc.outputs + n))];
      const int64_t count = std::min(together, adc.outputs - n);
      const auto at =
          size_t(conversion_.First(block.group, block.row_tile) + n);
      row_.resize(size_t(count));
      for (int64_t p = 0; p < block.pixels; ++p) {
        const float* row = sums.data() + p * conversion_.padded_outputs + n;
        for (int64_t i = 0; i < count; ++i) {
          row_[size_t(i)] =
              row[i] * pass_.unit() * conversion_.SumScaleOf(at + size_t(i));
          const float scaled = row[i] * adc.to_code[n + i];
          tile.saturated += conversion_.Clips(scaled) ? 1 : 0;
        }
        tile.sums.Add(row_.data(), count);
      }
      tile.conversions += block.pixels * count;
    }
  }

  const TilePass& pass_;
  const Programmed& weights_;
  const Conversion& conversion_;
  NoiseAdder noise_;
  std::vector<TileStatistics> tiles_;
  TileScratch scratch_;
  std::vector<float> row_;
};

}  // namespace

double TileStatistics::range_used() const {
  return range > 0 ? double(sums.largest()) / double(range) : 0.0;
}

double TileStatistics::saturated_share() const {
  return conversions > 0 ? double(saturated) / double(conversions) : 0.0;
}

void CollectStatistics(const Tensor& x, const Programmed& weights,
                       const Ranges& ranges, const PassNoise* noise,
                       std::vector<TileStatistics>* tiles) {
  const TilePass pass(x, weights, ranges, Cycles::kApart, noise);
  // An ADC that loses nothing has a range, too.
  Programmed converted = weights;
  converted.lossless = false;
  Conversion conversion =
      MakeConversion(converted, ranges, pass.unit(), Tensor(), noise);
  const TileMap& map = weights.map;
  if (tiles->empty()) tiles->resize(size_t(map.tiles()));
  OHM_ASSERT(int64_t(tiles->size()) == map.tiles());
  if (conversion.ideal) {
    conversion.largest = std::numeric_limits<float>::infinity();
    conversion.lowest = -conversion.largest;
  }
  for (int64_t t = 0; t < map.row_tiles() && !conversion.ideal; ++t) {
    for (int64_t o = 0; o < map.outputs(); ++o) {
      float& range = (*tiles)[size_t(map.TileOf(t, o))].range;
      const auto at = size_t(conversion.At(t, o));
      for (size_t plane = 0;
           plane < std::max<size_t>(conversion.plane_to_code.size(), 1);
           ++plane) {
        const float to_code = conversion.apart()
                                  ? conversion.plane_to_code[plane][at]
                                  : conversion.to_code[at];
        range = std::max(range, conversion.largest / to_code * pass.unit() *
                                    conversion.SumScaleOf(at));
      }
    }
  }
  std::mutex mutex;
  ParallelFor(pass.blocks(), 1, [&](int64_t begin, int64_t end) {
    Counter counter(pass, weights, conversion, noise);
    counter.Run(begin, end);
    const std::lock_guard lock(mutex);
    counter.AddTo(tiles);
  });
}

}  // namespace ohm::hw
