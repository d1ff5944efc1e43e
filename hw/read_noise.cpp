#include "hw/read_noise.h"

#include <algorithm>
#include <cmath>

#include "core/base/parallel.h"
#include "hw/crossbar.h"

namespace ohm::hw {
namespace {

class NoisePacker {
 public:
  NoisePacker(const ReadVariances& read, const Programmed& layer)
      : read_(read),
        layer_(layer),
        matrix_(layer.map.matrix()),
        slices_(int64_t(layer.slicing.slices.size())),
        columns_(layer.padded_outputs),
        square_(double(layer.parts) * layer.parts),
        rows_(LayOutRows(layer.map, layer.integer ? layer.channels / 4 : 0,
                         Width::kByte)) {}

  PackedNoise Run() && {
    noise_.constant = Tensor::Zeros({slices_, layer_.entries()});
    if (layer_.integer) {
      const auto pieces = int64_t(rows_.pieces.size());
      noise_.scale = Tensor::Zeros({slices_, layer_.entries()});
      const bool squares = std::ranges::any_of(read_.per_square.span(),
                                               [](float v) { return v != 0; });
      noise_.images = squares ? kSquareImages : kLinearImages;
      noise_.packed = Tensor::Zeros(
          {slices_, matrix_.groups, 2 * noise_.images * pieces, columns_ * 4},
          DType::kS8);
    } else {
      noise_.rows = Tensor::Zeros(
          {slices_ * matrix_.groups, matrix_.fan_in, 2 * columns_});
    }
    ParallelFor(slices_ * layer_.map.outputs(), 1,
                [&](int64_t begin, int64_t end) {
                  for (int64_t i = begin; i < end; ++i) PackColumn(i);
                });
    noise_.pieces = std::move(rows_.pieces);
    noise_.row_tiles = std::move(rows_.row_tiles);
    return std::move(noise_);
  }

 private:
  void PackColumn(int64_t i) {
    const int64_t slice = i / layer_.map.outputs();
    const int64_t output = i % layer_.map.outputs();
    const RowPlace* row = rows_.places.data();
    for (int64_t t = 0; t < layer_.map.row_tiles(); ++t) {
      const auto rows = int64_t(layer_.map.RowsOf(t).size());
      const int64_t entry = slice * layer_.entries() + layer_.At(t, output);
      noise_.constant.data()[entry] = static_cast<float>(
          square_ * read_.constant.data()[(slice * layer_.map.row_tiles() + t) *
                                              layer_.map.outputs() +
                                          output]);
      if (layer_.integer) {
        noise_.scale.data()[entry] = PackIntegers(slice, output, t, row, rows);
      } else {
        PackFloats(slice, output, t, row, rows);
      }
      row += rows;
    }
  }

  double PerInput(int64_t slice, int64_t output, const RowPlace& row) const {
    return read_.per_input.data()[At(slice, output, row)] * square_;
  }
  double PerSquare(int64_t slice, int64_t output, const RowPlace& row) const {
    return read_.per_square.data()[At(slice, output, row)] * square_;
  }
  int64_t At(int64_t slice, int64_t output, const RowPlace& row) const {
    return (slice * layer_.map.outputs() + output) * matrix_.fan_in +
           row.fan_in;
  }

  void PackFloats(int64_t slice, int64_t output, int64_t row_tile,
                  const RowPlace* row, int64_t count) {
    float* to =
        noise_.rows.data() +
        ((slice * matrix_.groups + output / matrix_.outputs) * matrix_.fan_in +
         layer_.map.FirstRow(row_tile)) *
            2 * columns_ +
        output % matrix_.outputs;
    for (int64_t r = 0; r < count; ++r, to += 2 * columns_) {
      to[0] = static_cast<float>(PerInput(slice, output, row[r]));
      to[columns_] = static_cast<float>(PerSquare(slice, output, row[r]));
    }
  }

  // The unit that whole numbers count: two digits hold every number, and 32
  // bits every sum.
  double UnitFor(int64_t slice, int64_t output, const RowPlace* row,
                 int64_t count) const {
    const double largest = layer_.slicing.LargestInputDigit();
    double most = 0, sum = 0;
    for (int64_t r = 0; r < count; ++r) {
      const double a = PerInput(slice, output, row[r]);
      const double b = PerSquare(slice, output, row[r]);
      most = std::max({most, a, 256 * b});
      sum += largest * a + (largest * largest + 255) * b;
    }
    constexpr double kMostSum = 2147483647.0;
    // Rounding may add half a unit to each of three numbers of a row.
    const double rounding = double(count) * 255 * 1.5;
    return std::max(most / kMostWide, sum / (kMostSum - rounding));
  }

  float PackIntegers(int64_t slice, int64_t output, int64_t row_tile,
                     const RowPlace* row, int64_t count) {
    const double unit = UnitFor(slice, output, row, count);
    if (unit <= 0) return 0.0F;
    const PackedRowTile& tile = rows_.row_tiles[size_t(row_tile)];
    const int64_t quad = columns_ * 4;  // bytes
    int8_t* high = noise_.packed.data<int8_t>() +
                   ((slice * matrix_.groups + output / matrix_.outputs) *
                        int64_t(rows_.pieces.size()) +
                    tile.first) *
                       2 * noise_.images * quad +
                   output % matrix_.outputs * 4;
    int8_t* low = high + noise_.images * tile.count * quad;
    for (int64_t r = 0; r < count; ++r) {
      const double a = PerInput(slice, output, row[r]);
      const double b = PerSquare(slice, output, row[r]);
      const double of_image[kSquareImages] = {a, 256 * b, b};
      for (int64_t i = 0; i < noise_.images; ++i) {
        const auto value = static_cast<int>(std::lrint(of_image[i] / unit));
        const SplitBytes bytes = Split(value, Width::kWide);
        const int64_t at = (i * tile.count + row[r].piece) * quad + row[r].lane;
        high[at] = bytes.first;
        low[at] = bytes.second;
      }
    }
    return static_cast<float>(unit);
  }

  const ReadVariances& read_;
  const Programmed& layer_;
  const MatrixShape& matrix_;
  int64_t slices_, columns_;
  double square_;  // of the parts that sums count
  RowLayout rows_;
  PackedNoise noise_;
};

}  // namespace

PackedNoise PackNoise(const ReadVariances& read, const Programmed& layer) {
  return NoisePacker(read, layer).Run();
}

}  // namespace ohm::hw
