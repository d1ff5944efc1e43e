#include "hw/row_tile_values.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/simd.h"
#include "hw/kernels/round.h"

namespace ohm::hw {
namespace {

// One pixel through its ADCs, or past them, onto what `y` holds.
OHM_SIMD_CLONES void ConvertRow(const float* sums, const TileAdc& adc,
                                bool ideal, float* y) {
  for (int64_t n = 0; n < adc.outputs; ++n) {
    const float code =
        ideal ? sums[n]
              : RoundClipped(sums[n] * adc.to_code[n], adc.lowest, adc.largest);
    y[n] += code * adc.to_value[n];
  }
}

OHM_SIMD_CLONES void SlopeRow(const float* sums, const TileAdc& adc, float* y) {
  for (int64_t n = 0; n < adc.outputs; ++n) {
    const float scaled = sums[n] * adc.to_code[n];
    const float code = RoundClipped(scaled, adc.lowest, adc.largest);
    const bool inside = scaled >= adc.lowest && scaled <= adc.largest;
    y[n] += (code - (inside ? scaled : 0.0F)) * adc.to_value[n];
  }
}

OHM_SIMD_CLONES void ToIntegers(const float* from, int64_t count, int32_t* to) {
  for (int64_t n = 0; n < count; ++n) to[n] = static_cast<int32_t>(from[n]);
}

// Steps of one product: codes and offsets are added before anything is rounded.
OHM_SIMD_CLONES void FinishExact(const int32_t* codes, const int32_t* offsets,
                                 const float* unit, int64_t count, float* y) {
  for (int64_t n = 0; n < count; ++n) {
    y[n] = float(codes[n] + offsets[n]) * unit[n];
  }
}

OHM_SIMD_CLONES void FinishScaled(const int32_t* codes, const int32_t* offsets,
                                  const float* to_value, const float* unit,
                                  int64_t count, float* y) {
  for (int64_t n = 0; n < count; ++n) {
    y[n] = float(codes[n]) * to_value[n] + float(offsets[n]) * unit[n];
  }
}

// Steps of their own: planes have been added in layer units; or bare sums.
OHM_SIMD_CLONES void FinishApart(const int32_t* offsets, const float* to_value,
                                 const float* unit, int64_t count, float* y) {
  for (int64_t n = 0; n < count; ++n) {
    y[n] = y[n] * to_value[n] + float(offsets[n]) * unit[n];
  }
}

bool SumsFitRounding(const Programmed& weights, const Conversion& conversion) {
  double most = 0;
  for (int64_t t = 0; t < weights.map.row_tiles(); ++t) {
    most = std::max(most, double(weights.map.RowsOf(t).size()) *
                              weights.slicing.LargestWeightDigit() *
                              weights.slicing.LargestInputDigit());
  }
  return most < double(conversion.largest);
}

}  // namespace

bool ConvertsInRegisters(const Programmed& weights,
                         const Conversion& conversion) {
  if (!weights.integer) return false;
  return !conversion.ideal ||
         (weights.parts == 1 && conversion.sum_scale.empty() &&
          SumsFitRounding(weights, conversion));
}

RowTileValues::RowTileValues(const TilePass& pass, const Programmed& weights,
                             const Conversion& conversion)
    : pass_(pass),
      weights_(weights),
      conversion_(conversion),
      noise_(pass, weights, conversion, pass.noise()),
      // Noise leaves no whole sums that rounding would pass as they are.
      exact_in_registers_(ConvertsInRegisters(weights, conversion) &&
                          !(conversion.ideal && noise_.active())),
      most_(size_t(conversion.padded_outputs)) {
  const auto block = size_t(pass.block_pixels() * conversion.padded_outputs);
  values_.resize(block);
  whole_.resize(2 * block);
}

std::span<const float> RowTileValues::Values(const TileBlock& block,
                                             Observer* observer) {
  return weights_.slicing.whole() ? Whole(block, observer)
                                  : InPlanes(block, observer);
}

std::span<const float> RowTileValues::Corrected(const TileBlock& block) {
  const auto values = Values(block, nullptr);
  pass_.AddTileCorrection(block, conversion_, &scratch_, values_.data(),
                          conversion_.padded_outputs);
  return values;
}

std::span<const float> RowTileValues::Sums(const TileBlock& block,
                                           const TileBlock& of_plane,
                                           size_t plane) {
  const auto sums = pass_.Sums(of_plane, &scratch_);
  noise_.Add(block, plane, sums);
  return sums;
}

std::span<const float> RowTileValues::Whole(const TileBlock& block,
                                            Observer* observer) {
  TileAdc adc = conversion_.Adc(block.group, block.row_tile);
  if (exact_in_registers_ && observer == nullptr) {
    noise_.Draw(block, 0, &adc);
    CurrentTileKernels().convert(block.work, adc, true, values_.data(),
                                 conversion_.padded_outputs, nullptr);
    return values_;
  }
  const auto sums = Sums(block, block, 0);
  std::ranges::fill(values_, 0.0F);
  for (int64_t p = 0; p < block.pixels; ++p) {
    const int64_t row = p * conversion_.padded_outputs;
    ConvertRow(sums.data() + row, adc, conversion_.ideal, values_.data() + row);
  }
  if (observer != nullptr) {
    observer->TakeSums(block, sums);
    if (!conversion_.ideal && observer->AnyClipped(block)) {
      observer->ListClipped(block, sums);
    }
  }
  return values_;
}

void RowTileValues::AddPlane(const TileBlock& block, size_t plane,
                             Observer* observer) {
  const int64_t columns = conversion_.padded_outputs;
  const TileBlock of_plane = pass_.Plane(block, plane, &scratch_);
  TileAdc adc = conversion_.PlaneAdc(block.group, block.row_tile, plane);
  const bool counts = observer != nullptr && observer->counts();
  if (exact_in_registers_ && !counts) {
    std::ranges::fill(most_, 0);
    noise_.Draw(block, plane, &adc);
    CurrentTileKernels().convert(of_plane.work, adc, false, values_.data(),
                                 columns,
                                 observer != nullptr ? most_.data() : nullptr);
    if (observer != nullptr) observer->TakeMost(block, most_, plane);
    return;
  }
  const auto sums = Sums(block, of_plane, plane);
  if (observer != nullptr) observer->TakeSums(block, sums, plane);
  for (int64_t p = 0; p < block.pixels; ++p) {
    ConvertRow(sums.data() + p * columns, adc, conversion_.ideal,
               values_.data() + p * columns);
  }
}

// values_ holds whole numbers below 2^24 (CheckSpec), so their sums are exact
// in any order; unless planes have steps of their own, then they are added in
// the order of the planes. Sums that are not converted (adc_bits = 0, and while
// calibrating) of arrays of 261 rows or more may exceed that with weights and
// inputs of 8 bits; they are rounded to 24 bits then.
std::span<const float> RowTileValues::InPlanes(const TileBlock& block,
                                               Observer* observer) {
  std::ranges::fill(values_, 0.0F);
  if (pass_.together()) {
    std::ranges::fill(most_, 0);
    pass_.AddBits(block, conversion_, &scratch_, values_.data(),
                  observer != nullptr ? most_.data() : nullptr,
                  [&](size_t plane) {
                    if (observer == nullptr) return;
                    observer->TakeMost(block, most_, plane);
                    std::ranges::fill(most_, 0);
                  });
  } else {
    for (size_t plane = 0; plane < pass_.planes(); ++plane) {
      if (pass_.Idle(plane) && !noise_.active()) continue;
      AddPlane(block, plane, observer);
    }
  }
  Finish(block);
  return values_;
}

void RowTileValues::Finish(const TileBlock& block) {
  const int64_t columns = conversion_.padded_outputs;
  const auto count = size_t(block.pixels * columns);
  const std::span codes(whole_.data(), count);
  const std::span offsets(whole_.data() + whole_.size() / 2, count);
  // Sums past ideal converters may be too large for that, in their parts, or no
  // whole numbers of products (of scaled columns, or with noise).
  const bool sums =
      conversion_.ideal &&
      (weights_.parts > 1 || !conversion_.sum_scale.empty() || noise_.active());
  if (!conversion_.apart() && !sums) {
    ToIntegers(values_.data(), int64_t(count), codes.data());
  }
  std::ranges::fill(offsets, 0);
  pass_.AddOffsets(block, &scratch_, offsets);
  const int64_t first = conversion_.First(block.group, block.row_tile);
  const float* to_value = conversion_.to_value.data() + first;
  const float* unit = conversion_.offset_value.data() + first;
  const bool exact = conversion_.exact[size_t(block.row_tile)];
  for (int64_t p = 0; p < block.pixels; ++p) {
    const int64_t row = p * columns;
    if (conversion_.apart() || sums) {
      FinishApart(offsets.data() + row, to_value, unit, conversion_.outputs,
                  values_.data() + row);
    } else if (exact) {
      FinishExact(codes.data() + row, offsets.data() + row, unit,
                  conversion_.outputs, values_.data() + row);
    } else {
      FinishScaled(codes.data() + row, offsets.data() + row, to_value, unit,
                   conversion_.outputs, values_.data() + row);
    }
  }
}

std::span<const float> RowTileValues::RangeSlopes(const TileBlock& block,
                                                  size_t plane) {
  std::ranges::fill(values_, 0.0F);
  const bool whole = weights_.slicing.whole();
  TileAdc adc = whole
                    ? conversion_.Adc(block.group, block.row_tile)
                    : conversion_.PlaneAdc(block.group, block.row_tile, plane);
  std::vector<float> weight(size_t(adc.outputs), 1.0F);
  const int64_t first = conversion_.First(block.group, block.row_tile);
  const float* unit = conversion_.offset_value.data() + first;
  for (size_t n = 0; n < weight.size() && !whole; ++n) {
    weight[n] = adc.to_value[n];
    if (!conversion_.apart()) continue;
    // Ranges of their own: without the step, unit * sum scale / to_code.
    weight[n] *= adc.to_code[n] * float(weights_.parts) /
                 (unit[n] * conversion_.SumScaleOf(size_t(first) + n));
  }
  adc.to_value = weight.data();
  const auto sums =
      whole ? Sums(block, block, 0)
            : Sums(block, pass_.Plane(block, plane, &scratch_), plane);
  for (int64_t p = 0; p < block.pixels; ++p) {
    const int64_t row = p * conversion_.padded_outputs;
    SlopeRow(sums.data() + row, adc, values_.data() + row);
  }
  return values_;
}

}  // namespace ohm::hw
