// The ADCs of a layer: their codes, their ranges, and what they make of sums.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor/tensor.h"
#include "hw/geometry.h"
#include "hw/kernels/tile.h"
#include "hw/slicing.h"
#include "hw/spec.h"

namespace ohm::hw {

struct Programmed;
struct PassNoise;
struct Ranges;

// Codes of an ADC; a range covers 0..largest steps. adc_bits >= 2.
struct AdcLevels {
  int lowest = 0, largest = 0;
};
AdcLevels LevelsOf(const CrossbarSpec& spec, const Slicing& slicing);

// The largest sum that `rows` rows can give one conversion, in products of
// digits.
double FullScale(int64_t rows, const CrossbarSpec& spec,
                 const Slicing& slicing);
// Whether codes reach every sum one by one with calibration = full_scale.
bool IsLossless(int64_t rows, const CrossbarSpec& spec, const Slicing& slicing);

// Ranges of one logical column: 1, or as many as planes with adc_range_per =
// plane. A plane is one slice in one cycle; cycles in order, their slices in
// order.
int64_t RangePlanes(const CrossbarSpec& spec);

// How many ADC ranges a layer has, and which one converts a plane of a logical
// column. Groups of RangePlanes() ranges: one; one per tile (TileMap::TileOf);
// or one per logical column, ordered as mask entries.
int64_t AdcRangeCount(const TileMap& map, const CrossbarSpec& spec);
int64_t AdcRangeOf(const TileMap& map, const CrossbarSpec& spec,
                   int64_t row_tile, int64_t output, int64_t plane = 0);

// Gain of a logical column: of [row_tiles, outputs], or 1 where undefined.
inline float GainOf(const Tensor& gain, const TileMap& map, int64_t row_tile,
                    int64_t output) {
  return gain.defined() ? gain.data()[row_tile * map.outputs() + output] : 1.0F;
}

// Scales the weights (or their gradient) of each logical column by its gain
// [row_tiles, outputs]; w [out, fan-in].
void ScaleColumns(const TileMap& map, const Tensor& gain, Tensor* w);

// How the sums of every logical column become numbers:
//   code = round half to even of clip(sum * to_code, lowest, largest)
//   whole:     value = code * to_value
//   in planes: codes * weight of their plane add up to A, and
//              value = A * to_value + offsets * unit * gain
// With a range for each plane the weights include its step, and to_value is the
// gain alone. Sums are in products of digits; values in
// layer units, gain included.
struct Conversion {
  bool ideal = false;   // codes are the sums
  bool gained = false;  // columns have gains of their own
  float lowest = 0, largest = 0;
  int64_t row_tiles = 0, outputs = 0, padded_outputs = 0;  // of one group
  // [groups, row_tiles, padded_outputs] each.
  std::vector<float> to_code, to_value;
  std::vector<float> offset_value;  // units of a product of codes * gain
  std::vector<float> sum_scale;     // Programmed::sum_scale; empty: 1
  // For each plane: +-2^shift, negative for complements.
  std::vector<std::vector<float>> plane_weight;
  std::vector<std::vector<float>> plane_to_code;  // empty: to_code for all
  std::vector<bool> exact;  // by row tile: a step is one product

  // Entry of a logical column, output counted over all groups.
  int64_t At(int64_t row_tile, int64_t output) const {
    return First(output / outputs, row_tile) + output % outputs;
  }
  int64_t First(int64_t group, int64_t row_tile) const {
    return (group * row_tiles + row_tile) * padded_outputs;
  }
  float SumScaleOf(size_t at) const {
    return sum_scale.empty() ? 1.0F : sum_scale[at];
  }
  // Planes have ranges of their own.
  bool apart() const { return !plane_to_code.empty(); }
  // The converters of a row tile's columns, and of one of its planes.
  TileAdc Adc(int64_t group, int64_t row_tile) const;
  TileAdc PlaneAdc(int64_t group, int64_t row_tile, size_t plane) const;
  // `scaled`: a sum in codes. One at the edge of its range may land an ulp
  // outside it; it is not clipped by that.
  bool Clips(float scaled) const {
    constexpr float kUlps = 1.0F + 1e-6F;
    return scaled > largest * kUlps || scaled < lowest * kUlps;
  }
};

// `unit`: layer units of a sum of 1 (TilePass::unit). gain [row_tiles, out] or
// undefined. `noise`: of the pass, null: none; sums that it is added to no ADC
// passes on as they are. Error where ranges or gain have other sizes.
Conversion MakeConversion(const Programmed& weights, const Ranges& ranges,
                          float unit, const Tensor& gain,
                          const PassNoise* noise = nullptr);

}  // namespace ohm::hw
