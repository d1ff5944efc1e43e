#include <algorithm>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/converters.h"
#include "hw/crossbar.h"

namespace ohm::hw {
namespace {

int64_t RoundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

bool FitsBytes(int bits) { return bits >= 2 && bits <= 8; }

// The piece that holds a fan-in index.
int64_t PieceOf(const Programmed& p, int64_t fan_in_index) {
  if (!p.integer) return fan_in_index;
  const int64_t in = p.weight_shape[3];
  return fan_in_index / in * (p.channels / 4) + fan_in_index % in / 4;
}

// Fills row_tiles; returns the pieces of all of them.
int64_t CutRows(Programmed* p) {
  const int64_t entries = p->padded_outputs * (p->integer ? 4 : 1);
  int64_t pieces = 0;
  for (int64_t t = 0; t < p->map.row_tiles(); ++t) {
    const int64_t row = p->map.first_row(t);
    const int64_t first = PieceOf(*p, row);
    const int64_t last = PieceOf(*p, row + p->map.rows_in(t) - 1);
    p->row_tiles.push_back({first, last - first + 1, pieces * entries});
    pieces += last - first + 1;
  }
  return pieces;
}

// Writes one output's codes into its column, and its column's start.
void PackColumn(const float* codes, int64_t output, Programmed* p) {
  const int64_t outputs = p->map.matrix().outputs, in = p->weight_shape[3];
  const int64_t columns = p->padded_outputs;
  const int64_t group = output / outputs, n = output % outputs;
  auto* packed = p->packed.data<int8_t>() +
                 group * (p->packed.count() / p->map.matrix().groups) + n * 4;
  auto* start =
      p->start.data<int32_t>() + group * p->map.row_tiles() * columns + n;
  int64_t channel = 0, position = 0;  // of the row
  for (int64_t t = 0; t < p->map.row_tiles(); ++t) {
    const auto& tile = p->row_tiles[size_t(t)];
    int8_t* to = packed + tile.at;
    int32_t sum = 0;
    for (int64_t row = 0; row < p->map.rows_in(t); ++row) {
      const int64_t quad = position + channel / 4 - tile.first;
      const auto code = static_cast<int8_t>(*codes++);
      to[quad * columns * 4 + channel % 4] = code;
      sum += code;
      if (++channel < in) continue;
      channel = 0;
      position += p->channels / 4;
    }
    start[t * columns] = -128 * sum;
  }
}

void PackIntegers(const Tensor& codes, int64_t pieces, Programmed* p) {
  const int64_t groups = p->map.matrix().groups;
  p->packed = Tensor::Zeros({groups, pieces, p->padded_outputs, 4}, DType::kS8);
  p->start = Tensor::Zeros({groups, p->map.row_tiles(), p->padded_outputs},
                           DType::kS32);
  const int64_t fan_in = p->map.matrix().fan_in;
  ParallelFor(p->map.outputs(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      PackColumn(codes.data() + o * fan_in, o, p);
    }
  });
}

// Rows of all tiles follow each other as they do in the weights.
void PackFloats(const Tensor& codes, int64_t pieces, Programmed* p) {
  const MatrixShape& m = p->map.matrix();
  p->packed = Tensor::Zeros({m.groups, pieces, p->padded_outputs, 1});
  for (int64_t o = 0; o < p->map.outputs(); ++o) {
    const float* from = codes.data() + o * m.fan_in;
    float* to = p->packed.data() + o / m.outputs * pieces * p->padded_outputs +
                o % m.outputs;
    for (int64_t k = 0; k < m.fan_in; ++k) to[k * p->padded_outputs] = from[k];
  }
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
  p.channels = p.integer ? RoundUp(w.size(3), 4) : w.size(3);
  p.padded_outputs = RoundUp(p.map.matrix().outputs, 16);
  const int64_t pieces = CutRows(&p);
  if (p.integer) {
    PackIntegers(q.codes, pieces, &p);
  } else {
    PackFloats(q.codes, pieces, &p);
  }
  p.effective = std::move(q.codes);
  for (float& value : p.effective.span()) value *= p.step;
  return p;
}

}  // namespace ohm::hw
