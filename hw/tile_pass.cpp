#include "hw/tile_pass.h"

#include "core/base/check.h"
#include "core/kernels/simd.h"
#include "hw/converters.h"

namespace ohm::hw {
namespace {

PatchLayout LayoutOf(const Programmed& weights) {
  const int64_t fan_in = weights.map.matrix().fan_in;
  return {fan_in, std::min<int64_t>(weights.spec.rows, fan_in),
          weights.padded_rows, weights.map.row_tiles() * weights.padded_rows};
}

// Inputs in units of the DAC step.
Tensor InputCodes(const Tensor& x, const Programmed& weights, float range) {
  const int bits = weights.spec.dac_bits;
  if (weights.integer) return QuantizeInput(x, range, bits);
  if (bits == 0) return x;
  Tensor codes = ApplyDac(x, range, bits);
  const float inverse = 1.0F / StepFor(range, bits);
  for (float& v : codes.span()) v *= inverse;
  return codes;
}

std::vector<int32_t> Offsets(const Programmed& weights) {
  const int64_t columns = weights.padded_outputs, rows = weights.padded_rows;
  const int64_t tiles = weights.map.matrix().groups * weights.map.row_tiles();
  std::vector<int32_t> offsets(size_t(tiles * columns), 0);
  const auto* w = weights.packed.data<int8_t>();
  for (int64_t tile = 0; tile < tiles; ++tile) {
    for (int64_t i = 0; i < rows * columns; ++i) {
      offsets[size_t(tile * columns + i / 4 % columns)] +=
          128 * w[tile * rows * columns + i];
    }
  }
  return offsets;
}

OHM_SIMD_CLONES void ToFloat(const int32_t* sums, const int32_t* offset,
                             int64_t pixels, int64_t columns, float* to) {
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t n = 0; n < columns; ++n) {
      to[p * columns + n] = float(sums[p * columns + n] - offset[n]);
    }
  }
}

}  // namespace

TilePass::TilePass(const Tensor& x, const Programmed& weights,
                   const Ranges& ranges)
    : weights_(weights),
      input_(InputCodes(x, weights, ranges.input)),
      reader_(x.shape(), weights.weight_shape, weights.conv, LayoutOf(weights)),
      layout_(LayoutOf(weights)) {
  const int bits = weights.spec.dac_bits;
  unit_ = weights.step * (bits == 0 ? 1.0F : StepFor(ranges.input, bits));
  if (weights.integer) offsets_ = Offsets(weights);
}

void TilePass::Sums(int64_t group, int64_t row_tile, int64_t count,
                    const void* patch, int32_t* integers, float* sums) const {
  const int64_t columns = weights_.padded_outputs, rows = weights_.padded_rows;
  const int64_t tile = group * weights_.map.row_tiles() + row_tile;
  const int64_t at = row_tile * layout_.tile_stride;
  if (weights_.integer) {
    // Rows past the fan-in meet zero weights, so whatever the buffer holds
    // there adds nothing (codes are finite).
    BestDot()(static_cast<const uint8_t*>(patch) + at, layout_.stride,
              weights_.packed.data<int8_t>() + tile * rows * columns, rows / 4,
              columns, count, integers);
    ToFloat(integers, offsets_.data() + tile * columns, count, columns, sums);
  } else {
    DotF32(static_cast<const float*>(patch) + at, layout_.stride,
           weights_.packed.data() + tile * rows * columns,
           weights_.map.rows_in(row_tile), columns, count, sums);
  }
}

Conversion MakeConversion(const Programmed& weights, const Ranges& ranges,
                          float unit, const Tensor& gain) {
  const TileMap& map = weights.map;
  const int bits = weights.spec.adc_bits;
  const auto tiles = size_t(map.tiles());
  Conversion c;
  c.ideal = bits == 0 || ranges.adc.empty();
  OHM_CHECK(c.ideal || ranges.adc.size() == 1 || ranges.adc.size() == tiles,
            "[crossbar] expected one ADC range or one for each of " +
                std::to_string(tiles) + " tiles, got " +
                std::to_string(ranges.adc.size()));
  OHM_CHECK(!gain.defined() || gain.shape() == map.MaskEntries(),
            "[crossbar] expected gains " + map.MaskEntries().str() + ", got " +
                (gain.defined() ? gain.shape().str() : ""));
  c.largest = c.ideal ? 0.0F : float(LargestCode(bits));
  const int64_t groups = map.matrix().groups, columns = weights.padded_outputs;
  const auto entries = size_t(groups * map.row_tiles() * columns);
  c.to_code.assign(entries, 0.0F);
  c.to_value.assign(entries, 0.0F);
  for (int64_t o = 0; o < map.outputs(); ++o) {
    const int64_t g = o / map.matrix().outputs, n = o % map.matrix().outputs;
    for (int64_t t = 0; t < map.row_tiles(); ++t) {
      const auto at = size_t((g * map.row_tiles() + t) * columns + n);
      const float scale =
          gain.defined() ? gain.data()[t * map.outputs() + o] : 1.0F;
      float step = unit;  // of one code, in layer units
      if (!c.ideal) {
        const auto tile = ranges.adc.size() == 1 ? 0 : map.TileOf(t, o);
        step = StepFor(ranges.adc[size_t(tile)], bits);
      }
      c.to_code[at] = unit / step;
      c.to_value[at] = step * scale;
    }
  }
  return c;
}

}  // namespace ohm::hw
