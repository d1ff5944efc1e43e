#include "core/base/check.h"
#include "hw/converters.h"
#include "hw/crossbar.h"

namespace ohm::hw {
namespace {

int64_t RoundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

bool FitsBytes(int bits) { return bits >= 2 && bits <= 8; }

// Calls put(group, row tile, row in tile, output in group, code) for every
// weight.
template <typename Put>
void EachCode(const Tensor& codes, const TileMap& map, int64_t tile_rows,
              const Put& put) {
  const MatrixShape& m = map.matrix();
  for (int64_t o = 0; o < map.outputs(); ++o) {
    for (int64_t k = 0; k < m.fan_in; ++k) {
      put(o / m.outputs, k / tile_rows, k % tile_rows, o % m.outputs,
          codes.data()[o * m.fan_in + k]);
    }
  }
}

Tensor PackBytes(const Tensor& codes, const Programmed& p) {
  const int64_t rows = p.padded_rows, columns = p.padded_outputs;
  const int64_t tiles = p.map.row_tiles();
  Tensor packed =
      Tensor::Zeros({p.map.matrix().groups, tiles, rows * columns}, DType::kS8);
  auto* to = packed.data<int8_t>();
  EachCode(codes, p.map, p.spec.rows,
           [&](int64_t g, int64_t t, int64_t row, int64_t n, float code) {
             const int64_t tile = (g * tiles + t) * rows * columns;
             to[tile + row / 4 * columns * 4 + n * 4 + row % 4] =
                 static_cast<int8_t>(code);
           });
  return packed;
}

Tensor PackFloats(const Tensor& codes, const Programmed& p) {
  const int64_t rows = p.padded_rows, columns = p.padded_outputs;
  const int64_t tiles = p.map.row_tiles();
  Tensor packed = Tensor::Zeros({p.map.matrix().groups, tiles, rows * columns});
  float* to = packed.data();
  EachCode(codes, p.map, p.spec.rows,
           [&](int64_t g, int64_t t, int64_t row, int64_t n, float code) {
             to[(g * tiles + t) * rows * columns + row * columns + n] = code;
           });
  return packed;
}

}  // namespace

Programmed Program(const Tensor& w, const Conv2dSpec& conv,
                   const CrossbarSpec& spec) {
  CheckSpec(spec);
  OHM_CHECK(w.shape().rank() == 4,
            "[crossbar] expected weights [out, kh, kw, in / groups], got " +
                w.shape().str());
  Programmed p;
  p.spec = spec;
  p.conv = conv;
  p.weight_shape = w.shape();
  p.map = TileMap(MatrixOf(w.shape(), conv.groups), spec.rows, spec.columns);
  QuantizedWeights q = QuantizeWeights(w, spec.weight_bits);
  p.step = q.step;
  p.integer = FitsBytes(spec.weight_bits) && FitsBytes(spec.dac_bits);
  p.padded_outputs = RoundUp(p.map.matrix().outputs, 16);
  p.padded_rows =
      RoundUp(std::min<int64_t>(spec.rows, p.map.matrix().fan_in), 4);
  p.packed = p.integer ? PackBytes(q.codes, p) : PackFloats(q.codes, p);
  p.effective = std::move(q.codes);
  for (float& value : p.effective.span()) value *= p.step;
  return p;
}

}  // namespace ohm::hw
