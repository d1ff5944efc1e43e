#include "hw/noise_adder.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "core/kernels/simd.h"
#include "hw/kernels/normal.h"
#include "hw/kernels/tile_float.h"

namespace ohm::hw {
namespace {

// Normals [pixels, columns] become noise, a block at a time: a call for each
// pixel would cost as much as its draws.
OHM_SIMD_CLONES void ScaleByRoots(const float* variances, const float* constant,
                                  int64_t pixels, int64_t columns,
                                  float* normals) {
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t n = 0; n < columns; ++n) {
      const int64_t i = p * columns + n;
      normals[i] *= __builtin_sqrtf(variances[i] + constant[n]);
    }
  }
}

OHM_SIMD_CLONES void ScaleByRoots(const int32_t* sums, const float* scale,
                                  const float* constant, int64_t pixels,
                                  int64_t columns, float* normals) {
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t n = 0; n < columns; ++n) {
      const int64_t i = p * columns + n;
      const float variance = float(sums[i]) * scale[n] + constant[n];
      normals[i] *= __builtin_sqrtf(variance);
    }
  }
}

OHM_SIMD_CLONES void AddRow(const float* normals, const float* deviation,
                            const float* shift, int64_t count, float* sums) {
  for (int64_t n = 0; n < count; ++n) {
    sums[n] += normals[n] * deviation[n] + shift[n];
  }
}

OHM_SIMD_CLONES void Spread(const float* digits, float one, int64_t count,
                            float* to) {
  for (int64_t r = 0; r < count; ++r) {
    to[2 * r] = std::fabs(digits[r]) * one;
    to[2 * r + 1] = digits[r] * digits[r];
  }
}

}  // namespace

NoiseAdder::NoiseAdder(const TilePass& pass, const Programmed& weights,
                       const Conversion& conversion, const PassNoise* noise)
    : pass_(pass),
      weights_(weights),
      conversion_(conversion),
      noise_(noise),
      reads_(noise != nullptr && weights.noise.defined()),
      injects_(noise != nullptr && noise->injects()) {
  if (!active()) return;
  for (const Tensor* t : {&noise->shift, &noise->deviation}) {
    OHM_CHECK(!t->defined() || t->shape() == weights.map.MaskEntries(),
              "[crossbar] expected a shift and a deviation to inject for each "
              "column, " +
                  weights.map.MaskEntries().str() + ", got " +
                  t->shape().str());
  }
  const auto block = size_t(pass.block_pixels() * conversion.padded_outputs);
  if (!weights.integer) variances_.resize(block);
  normals_.resize(block);
  shift_.assign(size_t(weights.entries()), 0.0F);
  deviation_.assign(size_t(weights.entries()), 0.0F);
  if (injects_) SetInjected();
  if (!reads_) return;
  SetConstants();
  ones_.assign(size_t(conversion.padded_outputs), 1.0F);
}

void NoiseAdder::SetInjected() {
  const TileMap& map = weights_.map;
  for (int64_t t = 0; t < map.row_tiles(); ++t) {
    for (int64_t o = 0; o < map.outputs(); ++o) {
      const auto to = size_t(conversion_.At(t, o));
      const int64_t from = t * map.outputs() + o;
      const float unit = pass_.unit() * conversion_.SumScaleOf(to);
      if (noise_->shift.defined()) {
        shift_[to] = noise_->shift.data()[from] / unit;
      }
      if (noise_->deviation.defined()) {
        deviation_[to] = noise_->deviation.data()[from] / unit;
      }
    }
  }
}

void NoiseAdder::SetConstants() {
  const int64_t slices = int64_t(weights_.slicing.slices.size());
  const Tensor& constant = weights_.noise.constant;
  constants_.assign(constant.span().begin(), constant.span().end());
  for (int64_t i = 0; i < slices * weights_.entries(); ++i) {
    const float deviation = deviation_[size_t(i % weights_.entries())];
    const float one = pass_.noise_input();
    constants_[size_t(i)] *= one * one;
    constants_[size_t(i)] += deviation * deviation;
  }
}

void NoiseAdder::GatherInputs(const TileBlock& block) {
  const auto rows = int64_t(weights_.map.RowsOf(block.row_tile).size());
  inputs_.resize(size_t(block.pixels * rows * 2));
  pixels_.resize(size_t(block.pixels));
  std::vector<float> values(static_cast<size_t>(rows));
  for (int64_t p = 0; p < block.pixels; ++p) {
    pass_.Inputs(block, p, values);
    float* to = inputs_.data() + p * rows * 2;
    Spread(values.data(), pass_.noise_input(), rows, to);
    pixels_[size_t(p)] = to;
  }
  while (int64_t(rows_.size()) < 2 * rows) {
    rows_.push_back(static_cast<int32_t>(rows_.size()));
  }
}

void NoiseAdder::SumVariances(const TileBlock& block, int64_t slice) {
  GatherInputs(block);
  const int64_t columns = conversion_.padded_outputs;
  const int64_t groups = weights_.map.matrix().groups;
  const int64_t fan_in = weights_.map.matrix().fan_in;
  TileWorkF32 work;
  work.pixels = pixels_.data();
  work.count = block.pixels;
  work.rows = rows_.data();
  work.row_count = 2 * int64_t(weights_.map.RowsOf(block.row_tile).size());
  work.columns = columns;
  work.weights =
      weights_.noise.rows.data() + ((slice * groups + block.group) * fan_in +
                                    weights_.map.FirstRow(block.row_tile)) *
                                       2 * columns;
  TileSumsF32(work, variances_.data());
}

// Gives each normal its deviation, of what reads draw and what is injected.
void NoiseAdder::ScaleByVariances(const TileBlock& block, size_t plane) {
  const int64_t columns = conversion_.padded_outputs;
  const auto slice =
      static_cast<int64_t>(plane % weights_.slicing.slices.size());
  const int64_t entry = conversion_.First(block.group, block.row_tile);
  const int64_t of_slice = slice * weights_.entries() + entry;
  const float* constant = constants_.data() + of_slice;
  if (!weights_.integer) {
    SumVariances(block, slice);
    ScaleByRoots(variances_.data(), constant, block.pixels, columns,
                 normals_.data());
    return;
  }
  const auto sums = pass_.NoiseSums(block, plane, &scratch_);
  const float* scale = weights_.noise.scale.data() + of_slice;
  ScaleByRoots(sums.data(), scale, constant, block.pixels, columns,
               normals_.data());
}

std::span<const float> NoiseAdder::ReadDeviations(const TileBlock& block,
                                                  size_t plane) {
  if (!reads_) return {};
  std::ranges::fill(normals_, 1.0F);
  ScaleByVariances(block, plane);
  return {normals_.data(), size_t(block.pixels * conversion_.padded_outputs)};
}

void NoiseAdder::Draw(const TileBlock& block, size_t plane, TileAdc* adc) {
  if (!active()) return;
  const int64_t columns = conversion_.padded_outputs;
  const auto planes = static_cast<uint64_t>(pass_.planes());
  const uint64_t stream = (uint64_t(block.row_tile) * planes + plane) *
                              uint64_t(weights_.map.matrix().groups) +
                          uint64_t(block.group);
  const int64_t first =
      (noise_->first_image * pass_.image_pixels() + block.first_pixel) *
      columns;
  FillNormals(noise_->key.bits(), stream, first, block.pixels * columns,
              normals_.data());
  if (reads_) ScaleByVariances(block, plane);
  const int64_t entry = conversion_.First(block.group, block.row_tile);
  adc->normals = normals_.data();
  adc->deviation = reads_ ? ones_.data() : deviation_.data() + entry;
  adc->shift = shift_.data() + entry;
  drawn_ = *adc;
}

void NoiseAdder::AddDrawn(const TileBlock& block, std::span<float> sums) const {
  if (!active()) return;
  const int64_t columns = conversion_.padded_outputs;
  for (int64_t p = 0; p < block.pixels; ++p) {
    AddRow(drawn_.normals + p * columns, drawn_.deviation, drawn_.shift,
           columns, sums.data() + p * columns);
  }
}

void NoiseAdder::Add(const TileBlock& block, size_t plane,
                     std::span<float> sums) {
  TileAdc adc;
  Draw(block, plane, &adc);
  AddDrawn(block, sums);
}

}  // namespace ohm::hw
