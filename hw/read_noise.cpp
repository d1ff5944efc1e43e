#include "hw/read_noise.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/base/parallel.h"
#include "hw/adc.h"
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
  // The part of a logical column in one slice on one row tile.
  struct Column {
    int64_t slice = 0, output = 0, row_tile = 0;
    std::span<const RowPlace> rows{};
    double square = 1;  // of what sums count, in products
  };

  void PackColumn(int64_t i) {
    const int64_t outputs = layer_.map.outputs();
    Column column{i / outputs, i % outputs};
    const RowPlace* row = rows_.places.data();
    for (int64_t& t = column.row_tile; t < layer_.map.row_tiles(); ++t) {
      column.rows = {row, layer_.map.RowsOf(t).size()};
      const double counts =
          layer_.parts /
          double(GainOf(layer_.sum_scale, layer_.map, t, column.output));
      column.square = counts * counts;
      const int64_t entry =
          column.slice * layer_.entries() + layer_.At(t, column.output);
      const int64_t from =
          (column.slice * layer_.map.row_tiles() + t) * outputs + column.output;
      noise_.constant.data()[entry] =
          static_cast<float>(column.square * read_.constant.data()[from]);
      if (layer_.integer) {
        noise_.scale.data()[entry] = PackIntegers(column);
      } else {
        PackFloats(column);
      }
      row += column.rows.size();
    }
  }

  double PerInput(const Column& column, const RowPlace& row) const {
    return read_.per_input.data()[At(column, row)] * column.square;
  }
  double PerSquare(const Column& column, const RowPlace& row) const {
    return read_.per_square.data()[At(column, row)] * column.square;
  }
  int64_t At(const Column& column, const RowPlace& row) const {
    return (column.slice * layer_.map.outputs() + column.output) *
               matrix_.fan_in +
           row.fan_in;
  }
  int64_t PlaneOf(const Column& column) const {
    return column.slice * matrix_.groups + column.output / matrix_.outputs;
  }

  void PackFloats(const Column& column) {
    float* to = noise_.rows.data() +
                (PlaneOf(column) * matrix_.fan_in +
                 layer_.map.FirstRow(column.row_tile)) *
                    2 * columns_ +
                column.output % matrix_.outputs;
    for (const RowPlace& row : column.rows) {
      to[0] = static_cast<float>(PerInput(column, row));
      to[columns_] = static_cast<float>(PerSquare(column, row));
      to += 2 * columns_;
    }
  }

  // What b is in the image of d^2 / 256: nothing where that is 0 for every
  // digit, for the finer unit it leaves to b itself.
  double HighOf(double b) const {
    const int64_t largest = layer_.slicing.LargestInputDigit();
    return largest * largest < 256 ? 0.0 : 256 * b;
  }

  // The unit that whole numbers count: two digits hold every number, and 32
  // bits every sum.
  double UnitFor(const Column& column) const {
    const double largest = layer_.slicing.LargestInputDigit();
    double most = 0, sum = 0;
    for (const RowPlace& row : column.rows) {
      const double a = PerInput(column, row);
      const double b = PerSquare(column, row);
      most = std::max({most, a, HighOf(b), b});
      sum += largest * a + (largest * largest + 255) * b;
    }
    constexpr double kMostSum = 2147483647.0;
    // Rounding may add half a unit to each of three numbers of a row.
    const double rounding = double(column.rows.size()) * 255 * 1.5;
    return std::max(most / kMostWide, sum / (kMostSum - rounding));
  }

  float PackIntegers(const Column& column) {
    const double unit = UnitFor(column);
    if (unit <= 0) return 0.0F;
    const PackedRowTile& tile = rows_.row_tiles[size_t(column.row_tile)];
    const int64_t quad = columns_ * 4;  // bytes
    int8_t* high =
        noise_.packed.data<int8_t>() +
        (PlaneOf(column) * int64_t(rows_.pieces.size()) + tile.first) * 2 *
            noise_.images * quad +
        column.output % matrix_.outputs * 4;
    int8_t* low = high + noise_.images * tile.count * quad;
    for (const RowPlace& row : column.rows) {
      const double a = PerInput(column, row);
      const double b = PerSquare(column, row);
      const double of_image[kSquareImages] = {a, HighOf(b), b};
      for (int64_t i = 0; i < noise_.images; ++i) {
        const auto value = static_cast<int>(std::lrint(of_image[i] / unit));
        const SplitBytes bytes = Split(value, Width::kWide);
        const int64_t at = (i * tile.count + row.piece) * quad + row.lane;
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
  RowLayout rows_;
  PackedNoise noise_;
};

}  // namespace

PackedNoise PackNoise(const ReadVariances& read, const Programmed& layer) {
  return NoisePacker(read, layer).Run();
}

}  // namespace ohm::hw
