#include "hw/adc.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "hw/converters.h"
#include "hw/crossbar.h"

namespace ohm::hw {
namespace {

// Rounding numbers beyond this is not exact in every kernel (hw/kernels/
// round.h); sums that pass unrounded are below it or take another way.
constexpr float kMostRounded = 4194303.0F;

bool IsGeometric(const CrossbarSpec& spec) { return !CalibratesAdc(spec); }

// One code of a row tile's ADCs, in products of digits, from the geometry.
double GeometricStep(int64_t rows, const CrossbarSpec& spec,
                     const Slicing& slicing) {
  const double share =
      spec.calibration == Calibration::kFixed ? spec.fixed_share : 1.0;
  const double step =
      share * FullScale(rows, spec, slicing) / LevelsOf(spec, slicing).largest;
  return std::max(step, 1.0);  // sums are whole numbers
}

// Layer units of one code of an ADC that is not ideal.
float StepOf(const Programmed& weights, const Ranges& ranges, float unit,
             int64_t row_tile, int64_t output, int64_t plane = 0) {
  const CrossbarSpec& spec = weights.spec;
  if (IsGeometric(spec)) {
    const auto rows = int64_t(weights.map.RowsOf(row_tile).size());
    return unit * float(weights.parts) *
           float(GeometricStep(rows, spec, weights.slicing));
  }
  const int64_t range = AdcRangeOf(weights.map, spec, row_tile, output, plane);
  return StepFor(ranges.adc[size_t(range)],
                 LevelsOf(spec, weights.slicing).largest);
}

void CheckSizes(const Programmed& weights, const Ranges& ranges,
                const Tensor& gain) {
  const TileMap& map = weights.map;
  const int64_t wanted = AdcRangeCount(map, weights.spec);
  OHM_CHECK(IsGeometric(weights.spec) || ranges.adc.empty() ||
                int64_t(ranges.adc.size()) == wanted,
            "[crossbar] expected " + std::to_string(wanted) +
                " ADC ranges, got " + std::to_string(ranges.adc.size()));
  OHM_CHECK(!gain.defined() || gain.shape() == map.MaskEntries(),
            "[crossbar] expected gains " + map.MaskEntries().str() + ", got " +
                (gain.defined() ? gain.shape().str() : ""));
}

void SetPlaneWeights(const Programmed& weights, Conversion* c) {
  const Slicing& slicing = weights.slicing;
  const auto entries = size_t(weights.entries());
  for (const Digits& cycle : slicing.cycles) {
    for (size_t s = 0; s < slicing.slices.size(); ++s) {
      const float weight =
          std::ldexp(float(cycle.sign), cycle.shift + slicing.slices[s].shift);
      std::vector<float> plane(entries, weight);
      if (!weights.flipped.empty()) {
        const uint8_t* flipped = weights.flipped.data() + s * entries;
        for (size_t i = 0; i < entries; ++i) {
          if (flipped[i] != 0) plane[i] = -weight;
        }
      }
      c->plane_weight.push_back(std::move(plane));
    }
  }
}

// Ranges of their own: steps become part of the weights.
void SetPlaneSteps(const Programmed& weights, const Ranges& ranges, float unit,
                   Conversion* c) {
  const TileMap& map = weights.map;
  c->plane_to_code.assign(c->plane_weight.size(), c->to_code);
  for (size_t plane = 0; plane < c->plane_weight.size(); ++plane) {
    for (int64_t t = 0; t < map.row_tiles(); ++t) {
      for (int64_t o = 0; o < map.outputs(); ++o) {
        const auto at = size_t(c->At(t, o));
        const float step = StepOf(weights, ranges, unit, t, o, int64_t(plane));
        c->plane_to_code[plane][at] = unit * c->SumScaleOf(at) / step;
        c->plane_weight[plane][at] *= step;
      }
    }
  }
  for (size_t i = 0; i < c->to_value.size(); ++i) {
    c->to_value[i] = c->offset_value[i] / (unit * float(weights.parts));
  }
}

}  // namespace

AdcLevels LevelsOf(const CrossbarSpec& spec, const Slicing& slicing) {
  if (slicing.unipolar()) return {0, (1 << spec.adc_bits) - 1};
  const int h = LargestCode(spec.adc_bits);
  return {spec.adc_codes == AdcCodes::kOffset ? -h - 1 : -h, h};
}

double FullScale(int64_t rows, const CrossbarSpec& spec,
                 const Slicing& slicing) {
  return double(rows) * slicing.LargestWeightDigit() *
         slicing.LargestInputDigit() / (Flips(spec, slicing) ? 2 : 1);
}

bool IsLossless(int64_t rows, const CrossbarSpec& spec,
                const Slicing& slicing) {
  return spec.adc_bits != 0 && spec.calibration == Calibration::kFullScale &&
         FullScale(rows, spec, slicing) <= LevelsOf(spec, slicing).largest;
}

int64_t RangePlanes(const CrossbarSpec& spec) {
  if (spec.adc_range_per == AdcRangePer::kAll || IsGeometric(spec)) return 1;
  const Slicing slicing = SlicingOf(spec);
  return int64_t(slicing.slices.size() * slicing.cycles.size());
}

int64_t AdcRangeCount(const TileMap& map, const CrossbarSpec& spec) {
  const int64_t each = RangePlanes(spec);
  switch (spec.adc_range) {
    case AdcRange::kLayer:
      return each;
    case AdcRange::kTile:
      return map.tiles() * each;
    case AdcRange::kColumn:
      return map.MaskEntries().count() * each;
  }
  return 0;
}

int64_t AdcRangeOf(const TileMap& map, const CrossbarSpec& spec,
                   int64_t row_tile, int64_t output, int64_t plane) {
  const int64_t each = RangePlanes(spec);
  switch (spec.adc_range) {
    case AdcRange::kLayer:
      return plane;
    case AdcRange::kTile:
      return map.TileOf(row_tile, output) * each + plane;
    case AdcRange::kColumn:
      return (row_tile * map.outputs() + output) * each + plane;
  }
  return 0;
}

void ScaleColumns(const TileMap& map, const Tensor& gain, Tensor* w) {
  const int64_t fan_in = map.matrix().fan_in;
  for (int64_t o = 0; o < map.outputs(); ++o) {
    for (int64_t t = 0; t < map.row_tiles(); ++t) {
      const float scale = GainOf(gain, map, t, o);
      float* row = w->data() + o * fan_in;
      for (const int32_t k : map.RowsOf(t)) row[k] *= scale;
    }
  }
}

TileAdc Conversion::Adc(int64_t group, int64_t row_tile) const {
  const int64_t first = First(group, row_tile);
  return {to_code.data() + first, to_value.data() + first, lowest, largest,
          outputs};
}

TileAdc Conversion::PlaneAdc(int64_t group, int64_t row_tile,
                             size_t plane) const {
  const int64_t first = First(group, row_tile);
  const auto& codes = apart() ? plane_to_code[plane] : to_code;
  return {codes.data() + first, plane_weight[plane].data() + first, lowest,
          largest, outputs};
}

Conversion MakeConversion(const Programmed& weights, const Ranges& ranges,
                          float unit, const Tensor& gain,
                          const PassNoise* noise) {
  CheckSizes(weights, ranges, gain);
  const TileMap& map = weights.map;
  const CrossbarSpec& spec = weights.spec;
  Conversion c;
  const bool draws =
      noise != nullptr && (weights.noise.defined() || noise->injects());
  // Sums that are no whole numbers any more lose by rounding.
  const bool passes = weights.lossless && weights.slicing.whole() &&
                      !weights.sum_scale.defined() && !draws;
  c.ideal = spec.adc_bits == 0 || passes ||
            (CalibratesAdc(spec) && ranges.adc.empty());
  const AdcLevels levels =
      c.ideal ? AdcLevels{} : LevelsOf(spec, weights.slicing);
  c.gained = gain.defined();
  c.lowest = c.ideal ? -kMostRounded : float(levels.lowest);
  c.largest = c.ideal ? kMostRounded : float(levels.largest);
  c.row_tiles = map.row_tiles();
  c.outputs = map.matrix().outputs;
  c.padded_outputs = weights.padded_outputs;
  const auto entries = size_t(weights.entries());
  c.to_code.assign(entries, 0.0F);
  c.to_value.assign(entries, 0.0F);
  c.offset_value.assign(entries, 0.0F);
  const bool scaled = weights.sum_scale.defined();
  if (scaled) c.sum_scale.assign(entries, 1.0F);
  for (int64_t t = 0; t < map.row_tiles(); ++t) {
    c.exact.push_back(
        (c.ideal && weights.parts == 1 && !scaled) ||
        IsLossless(int64_t(map.RowsOf(t).size()), spec, weights.slicing));
    for (int64_t o = 0; o < map.outputs(); ++o) {
      const auto at = size_t(c.At(t, o));
      const float scale = GainOf(gain, map, t, o);
      const float sum_scale = GainOf(weights.sum_scale, map, t, o);
      if (scaled) c.sum_scale[at] = sum_scale;
      const float arriving = unit * sum_scale;
      const float step =
          c.ideal ? arriving : StepOf(weights, ranges, unit, t, o);
      c.to_code[at] = arriving / step;
      c.to_value[at] = step * scale;
      c.offset_value[at] = unit * float(weights.parts) * scale;
    }
  }
  if (!weights.slicing.whole()) SetPlaneWeights(weights, &c);
  if (!c.ideal && RangePlanes(spec) > 1) {
    SetPlaneSteps(weights, ranges, unit, &c);
  }
  return c;
}

}  // namespace ohm::hw
