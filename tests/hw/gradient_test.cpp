// The straight-through gradient against its definition, by brute force.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/conv2d.h"
#include "hw/adc.h"
#include "hw/converters.h"
#include "hw/kernels/tile.h"
#include "tests/hw/layers.h"
#include "tests/support/near.h"
#include "tests/support/worse.h"

namespace ohm::test {
namespace {

struct Gradients {
  Tensor x, w, gain, range;
};

Tensor RandomLike(const Shape& shape, Key key) {
  Tensor t = Tensor::Empty(shape);
  for (int64_t i = 0; i < t.count(); ++i) {
    t.data()[i] = float(key.Normal(uint64_t(i)));
  }
  return t;
}

// Cells that are off, a byte each.
hw::DeviceSpec ImpreciseBytes() {
  hw::DeviceSpec device;
  device.write_error.law = hw::WriteLaw::kConstant;
  device.write_error.sigma = 0.02;
  device.steps = hw::CellSteps::kColumn;
  return device;
}

Tensor Dac(const CrossbarLayer& layer) {
  const int largest = hw::LargestInput(layer.spec);
  const float step =
      largest == 0 ? 1.0F : hw::StepFor(layer.ranges.input, largest);
  return hw::ApplyDac(layer.x, layer.ranges.input, largest, step);
}

// As a layer's backward puts the pieces together.
Gradients FromPieces(const CrossbarLayer& layer, const Tensor& gy) {
  const hw::Programmed weights = layer.Program();
  const int largest = hw::LargestInput(layer.spec);
  hw::Observed seen;
  hw::Forward(layer.x, weights, layer.ranges, layer.gain, &seen);
  Gradients g;
  g.x = kernels::Conv2dGradInput(gy, hw::ScaledWeights(weights, layer.gain),
                                 layer.x.shape(), layer.conv);
  g.w = kernels::Conv2dGradWeight(Dac(layer), gy, layer.w.shape(), layer.conv);
  hw::RemoveClipped(seen.clipped, layer.x, weights, layer.ranges, layer.gain,
                    gy, &g.x, &g.w);
  hw::MaskDacGradient(layer.x, layer.ranges.input, largest, &g.x);
  hw::ScaleWeightGradient(weights, layer.gain, &g.w);
  hw::AddOffsetGradient(weights, layer.ranges.input, layer.gain, gy, &g.w);
  g.gain = hw::GainGradient(layer.x, weights, layer.ranges, gy);
  g.range = hw::RangeGradient(layer.x, weights, layer.ranges, layer.gain, gy);
  return g;
}

// The definition: rounding is the identity, a clipped input or conversion
// passes nothing, the converted sum is what a gain multiplies. One conversion
// (pixel, row tile, output) after the other, in double.
class BruteForce {
 public:
  BruteForce(const CrossbarLayer& layer, const Tensor& gy)
      : layer_(layer),
        weights_(layer.Program()),
        xq_(Dac(layer)),
        gy_(gy),
        x_(size_t(layer.x.count()), 0.0),
        w_(size_t(layer.w.count()), 0.0),
        gain_(size_t(weights_.map.MaskEntries().count()), 0.0),
        range_(layer.ranges.adc.size(), 0.0) {
    for (int64_t i = 0; i < gy.count(); ++i) {
      for (int64_t t = 0; t < weights_.map.row_tiles(); ++t) Convert(i, t);
    }
    for (size_t i = 0; i < x_.size(); ++i) {
      const float range = layer.ranges.input;
      if (layer.spec.dac_bits != 0 && std::fabs(layer.x.data()[i]) > range) {
        x_[i] = 0;
      }
    }
  }

  const std::vector<double>& x() const { return x_; }
  const std::vector<double>& w() const { return w_; }
  const std::vector<double>& gain() const { return gain_; }
  const std::vector<double>& range() const { return range_; }
  int64_t clipped() const { return clipped_; }

 private:
  // Position in x of row k of output o at an output pixel; -1: padding.
  int64_t InputOf(int64_t pixel, int64_t o, int64_t k) const {
    const Shape &y = gy_.shape(), &x = layer_.x.shape(), &w = layer_.w.shape();
    const Conv2dSpec& c = layer_.conv;
    const int64_t n = pixel / (y[1] * y[2]);
    const int64_t i = pixel / y[2] % y[1], j = pixel % y[2];
    const int64_t a = k / w[3] / w[2], b = k / w[3] % w[2];
    const int64_t row = i * c.stride_h + a * c.dil_h - c.pad_h;
    const int64_t col = j * c.stride_w + b * c.dil_w - c.pad_w;
    if (row < 0 || row >= x[1] || col < 0 || col >= x[2]) return -1;
    const int64_t group = o / (w[0] / c.groups);
    return ((n * x[1] + row) * x[2] + col) * x[3] + group * w[3] + k % w[3];
  }

  void Convert(int64_t at, int64_t t) {
    const hw::TileMap& map = weights_.map;
    const int64_t pixel = at / map.outputs(), o = at % map.outputs();
    const int64_t fan_in = map.matrix().fan_in;
    const auto rows = map.RowsOf(t);
    const float* w = weights_.effective.data() + o * fan_in;
    double sum = 0;
    for (const int64_t k : rows) {
      const int64_t in = InputOf(pixel, o, k);
      if (in >= 0) sum += double(xq_.data()[in]) * double(w[k]);
    }
    const double g = double(gy_.data()[at]);
    const auto entry = size_t(t * map.outputs() + o);
    const double gain =
        layer_.gain.defined() ? double(layer_.gain.data()[entry]) : 1.0;
    const double arrives = layer_.attenuation.defined()
                               ? double(layer_.attenuation.data()[entry])
                               : 1.0;
    double value = sum;
    bool clips = false;
    if (layer_.spec.adc_bits != 0) {
      const auto range = double(
          layer_.ranges.adc[size_t(hw::AdcRangeOf(map, layer_.spec, t, o))]);
      const double h = hw::LargestCode(layer_.spec.adc_bits);
      clips = std::fabs(sum) > range;
      if (range > 0) {
        value =
            std::clamp(std::nearbyint(sum / (range / h)), -h, h) * range / h;
        range_[size_t(hw::AdcRangeOf(map, layer_.spec, t, o))] +=
            g * gain *
            (clips ? std::copysign(1.0, sum) : (value - sum) / range);
      }  // else every sum that was ever seen is 0
    }
    gain_[entry] += g * value;
    clipped_ += clips ? 1 : 0;
    if (clips) return;
    for (const int64_t k : rows) {
      const int64_t in = InputOf(pixel, o, k);
      if (in < 0) continue;
      x_[size_t(in)] += g * gain * double(w[k]);
      w_[size_t(o * fan_in + k)] += g * gain * arrives * double(xq_.data()[in]);
    }
  }

  const CrossbarLayer& layer_;
  hw::Programmed weights_;
  Tensor xq_;
  const Tensor& gy_;
  std::vector<double> x_, w_, gain_, range_;
  int64_t clipped_ = 0;
};

double Error(const Tensor& a, const std::vector<double>& b) {
  double worst = 0, scale = 1e-6;
  for (size_t i = 0; i < b.size(); ++i) {
    worst = Worse(worst, std::fabs(double(a.data()[i]) - b[i]));
    scale = std::max(scale, std::fabs(b[i]));
  }
  return worst / scale;
}

void CheckGradient(const CrossbarLayer& layer, Key key, int64_t* clipped) {
  INFO("layer ", layer.name);
  const Shape y =
      Conv2dOutputShape(layer.x.shape(), layer.w.shape(), layer.conv);
  const Tensor gy = RandomLike(y, key);
  const BruteForce expected(layer, gy);
  const Gradients g = FromPieces(layer, gy);
  CHECK(Error(g.x, expected.x()) < 2e-5);
  CHECK(Error(g.w, expected.w()) < 2e-5);
  // One code of one conversion near a rounding point may differ.
  const double one_code =
      layer.spec.adc_bits == 0 ? 0 : 2.0 / double(1 << layer.spec.adc_bits);
  CHECK(Error(g.gain, expected.gain()) < 2e-5 + 0.3 * one_code);
  CHECK(Error(g.range, expected.range()) < 2e-4 + 2.0 * one_code);
  *clipped += expected.clipped();
}

TEST_CASE("gradients are straight-through with the masks of both converters") {
  int64_t clipped = 0;
  uint64_t index = 0;
  for (const LayerSizes& sizes : AwkwardSizes()) {
    const Key key = Key(40).Child(index++);
    CheckGradient(MakeLayer(sizes, 8, 8, 8, key), key.Child("gy"), &clipped);
  }
  for (const auto& layer : RandomLayers(8, Key(41))) {
    CheckGradient(layer, Key(42).Child(index++), &clipped);
  }
  CHECK(clipped > 100);
}

// A network that diverges clips most of what it converts; both ways of taking
// clipped conversions out must agree with the definition.
TEST_CASE("gradients where few and where most conversions are clipped") {
  uint64_t index = 0;
  for (const LayerSizes& sizes : AwkwardSizes()) {
    const Key key = Key(60).Child(index++);
    CrossbarLayer layer = MakeLayer(sizes, 8, 8, 8, key);
    for (const float share : {1.5F, 0.3F, 0.05F}) {
      CrossbarLayer scaled = layer;
      for (float& range : scaled.ranges.adc) range *= share;
      int64_t clipped = 0;
      CheckGradient(scaled, key.Child("gy"), &clipped);
    }
  }
}

TEST_CASE("gradients for every row order, packing and scope of ranges") {
  int64_t clipped = 0;
  for (uint64_t i = 0; i < 12; ++i) {
    hw::CrossbarSpec spec;
    spec.row_order = hw::RowOrder(i % 2);
    spec.packing = hw::Packing(i / 2 % 2);
    spec.adc_range = hw::AdcRange(i / 4);
    const Key key = Key(51).Child(i);
    CheckGradient(MakeLayer(RandomSizes(key), spec, key), key.Child("gy"),
                  &clipped);
  }
  CHECK(clipped > 0);
}

TEST_CASE("gradients where sums arrive attenuated") {
  int64_t clipped = 0;
  uint64_t index = 0;
  for (const LayerSizes& sizes : AwkwardSizes()) {
    const Key key = Key(52).Child(index++);
    CrossbarLayer layer = MakeLayer(sizes, 8, 8, 8, key);
    layer.attenuation =
        MakeAttenuation(layer.Program().map, key.Child("attenuation"));
    CheckGradient(layer, key.Child("gy"), &clipped);
  }
  CHECK(clipped > 0);
}

TEST_CASE("gradients where a byte holds a cell of a chip") {
  int64_t clipped = 0;
  uint64_t index = 0;
  for (const LayerSizes& sizes : AwkwardSizes()) {
    const Key key = Key(53).Child(index++);
    CrossbarLayer layer = MakeLayer(sizes, 8, 8, 8, key);
    layer.chip = {ImpreciseBytes(), key.Child("chip")};
    // Ideal devices gave columns of zeros no range.
    hw::Observed seen;
    layer.ranges.adc.clear();
    layer.Forward(&seen);
    // No share that makes ties of whole numbers.
    for (const float most : seen.adc) layer.ranges.adc.push_back(0.77F * most);
    CheckGradient(layer, key.Child("gy"), &clipped);
  }
  CHECK(clipped > 0);
}

// One conversion of a linear layer in digits, after hw/slicing.h.
double PlaneSum(const hw::Programmed& p, std::span<const int32_t> rows,
                const float* x, int64_t output, size_t slice, size_t cycle) {
  const int64_t fan_in = p.map.matrix().fan_in;
  const float* w = p.codes.data() + output * fan_in;
  const float* cells =
      p.cells.defined()
          ? p.cells.data() +
                (int64_t(slice) * p.map.outputs() + output) * fan_in
          : nullptr;
  double sum = 0;
  for (const int32_t k : rows) {
    const double digit = cells != nullptr
                             ? double(cells[k])
                             : p.slicing.WeightDigit(int(w[k]), slice);
    sum += digit * p.slicing.InputDigit(int(x[k]), cycle);
  }
  return sum;
}

// d<y, gy>/d range by the definition, of a linear layer in slices and cycles.
std::vector<double> BruteRangeGradient(const CrossbarLayer& layer,
                                       const Tensor& gy) {
  const hw::CrossbarSpec& spec = layer.spec;
  const hw::Programmed p = layer.Program();
  const Tensor codes = hw::ApplyDac(layer.x, layer.ranges.input, 127, 1.0F);
  const int64_t in = layer.x.size(3), out = p.map.outputs();
  const double unit =
      double(p.step) * double(hw::StepFor(layer.ranges.input, 127));
  const double h = hw::LargestCode(spec.adc_bits);
  const size_t slices = p.slicing.slices.size();
  const bool apart = spec.adc_range_per == hw::AdcRangePer::kPlane;
  std::vector<double> gradient(layer.ranges.adc.size(), 0.0);
  for (int64_t at = 0; at < gy.count() * p.map.row_tiles(); ++at) {
    const int64_t t = at / gy.count(), i = at % gy.count(), o = i % out;
    const double g =
        double(gy.data()[i]) * double(hw::GainOf(layer.gain, p.map, t, o));
    for (size_t plane = 0; plane < slices * p.slicing.cycles.size(); ++plane) {
      const size_t s = plane % slices, c = plane / slices;
      const auto range =
          size_t(hw::AdcRangeOf(p.map, spec, t, o, apart ? int64_t(plane) : 0));
      const double scaled =
          PlaneSum(p, p.map.RowsOf(t), codes.data() + i / out * in, o, s, c) /
          (double(layer.ranges.adc[range]) / h / unit);
      const double code = std::nearbyint(std::clamp(scaled, -h, h));
      const double slope = code - (std::fabs(scaled) <= h ? scaled : 0.0);
      gradient[range] += g * slope / h *
                         std::ldexp(1.0, p.slicing.slices[s].shift +
                                             p.slicing.cycles[c].shift);
    }
  }
  return gradient;
}

TEST_CASE("ranges of slices and cycles have the sum of their slopes") {
  for (uint64_t i = 0; i < 8; ++i) {
    hw::CrossbarSpec spec;
    spec.adc_per = hw::AdcPer(1 + i % 2);
    spec.adc_range_per = hw::AdcRangePer(i / 2 % 2);
    spec.cell_bits = 3;
    spec.input_slice_bits = 4;
    spec.adc_bits = 5;
    CrossbarLayer layer = MakeLayer({20, 1, 1, 1, 90, 12, 1, 1}, spec, Key(52));
    if (i >= 4) layer.chip = {ImpreciseBytes(), Key(54)};
    const Tensor gy = RandomLike({20, 1, 1, 12}, Key(53));
    const Tensor gradient = hw::RangeGradient(layer.x, layer.Program(),
                                              layer.ranges, layer.gain, gy);
    CHECK(Error(gradient, BruteRangeGradient(layer, gy)) <
          1e-2);  // codes near ties
  }
}

TEST_CASE("gradients of other precisions and of ideal converters") {
  int64_t clipped = 0;
  const LayerSizes sizes{2, 5, 6, 1, 16, 18, 3, 3, 2, 1};
  for (const int bits : {0, 3, 9}) {
    const Key key = Key(43).Child(uint64_t(bits));
    CheckGradient(MakeLayer(sizes, bits, bits, bits, key), key.Child("gy"),
                  &clipped);
  }
  CHECK(clipped > 0);
}

TEST_CASE("a gain's gradient is exact in the gain") {
  // The output is linear in the gains, so differences are exact.
  const LayerSizes sizes{2, 5, 5, 2, 12, 6, 3, 3, 1, 1};
  CrossbarLayer layer = MakeLayer(sizes, 8, 8, 6, Key(44));
  const hw::TileMap map = layer.Program().map;
  layer.gain = Tensor::Full(map.MaskEntries(), 1.0F);
  const Tensor before = layer.Forward();
  const Tensor gy = RandomLike(before.shape(), Key(45));
  const Tensor gradient =
      hw::GainGradient(layer.x, layer.Program(), layer.ranges, gy);
  REQUIRE(gradient.shape() == map.MaskEntries());
  for (int64_t i = 0; i < gradient.count(); ++i) {
    layer.gain.data()[i] = 2.0F;
    const Tensor after = layer.Forward();
    layer.gain.data()[i] = 1.0F;
    double slope = 0;
    for (int64_t k = 0; k < gy.count(); ++k) {
      slope += double(gy.data()[k]) *
               (double(after.data()[k]) - double(before.data()[k]));
    }
    CHECK(gradient.data()[i] == Near(slope, 1e-4));
  }
}

// With ideal conversions both are the same sums; with 8 bits they differ by
// what rounding and clipping take.
TEST_CASE("a gain's gradient follows from that of the weights") {
  const LayerSizes sizes{3, 9, 9, 2, 12, 6, 3, 3, 1, 1};
  for (const int adc_bits : {0, 8}) {
    const CrossbarLayer layer = MakeLayer(sizes, 8, 8, adc_bits, Key(46));
    const hw::Programmed weights = layer.Program();
    const Tensor gy = RandomLike(layer.Forward().shape(), Key(47));
    const Tensor gw =
        kernels::Conv2dGradWeight(Dac(layer), gy, layer.w.shape(), layer.conv);
    const Tensor exact = hw::GainGradient(layer.x, weights, layer.ranges, gy);
    const Tensor quick = hw::GainGradientOf(weights, gw);
    double difference = 0, size = 0;
    for (int64_t i = 0; i < exact.count(); ++i) {
      difference += std::pow(double(exact.data()[i]) - quick.data()[i], 2);
      size += std::pow(double(exact.data()[i]), 2);
    }
    CHECK(std::sqrt(difference / size) < (adc_bits == 0 ? 1e-5 : 0.1));
  }
}

// Weights and inputs with an offset, converted bit by bit by ADCs that lose
// nothing; some cells are stuck.
CrossbarLayer StuckBehindOffsets() {
  hw::CrossbarSpec spec;
  spec.weight_bits = spec.cell_bits = 7;
  spec.encoding = hw::Encoding::kOffset;
  spec.input_sign = hw::InputSign::kOffset;
  spec.adc_per = hw::AdcPer::kCycle;
  spec.input_slice_bits = 1;
  spec.adc_bits = 13;
  spec.calibration = hw::Calibration::kFullScale;
  CrossbarLayer layer = MakeLayer({8, 1, 1, 1, 100, 5, 1, 1}, spec, Key(49));
  layer.chip.device.stuck_at = {.gmax = 0.1, .gmin = 0.1};
  layer.chip.key = Key(50);
  return layer;
}

TEST_CASE("gradients of stuck weights behind offsets are differences") {
  CrossbarLayer layer = StuckBehindOffsets();
  const hw::Programmed weights = layer.Program();
  const Tensor gy = RandomLike(layer.Forward().shape(), Key(51));
  const Gradients g = FromPieces(layer, gy);
  const auto loss = [&] {
    const Tensor y = layer.Forward();
    double sum = 0;
    for (int64_t i = 0; i < y.count(); ++i) {
      sum += double(y.data()[i]) * double(gy.data()[i]);
    }
    return sum;
  };
  const double before = loss();
  double size = 0;
  for (const float v : g.w.span()) size = std::max(size, std::fabs(double(v)));
  int64_t stuck = 0;
  for (int64_t i = 0; i < layer.w.count(); i += 3) {
    float& w = layer.w.data()[i];
    const float old = w;
    // Three codes towards 0: the range stays.
    const float change = (old > 0 ? -3.0F : 3.0F) * weights.step;
    if (std::fabs(old) < std::fabs(change)) continue;
    w = old + change;
    const double slope = (loss() - before) / double(change);
    w = old;
    CHECK(std::fabs(slope - double(g.w.data()[i])) < 1e-3 * size);
    // What is taken back digitally (where the gain is not 0).
    const bool felt = std::fabs(slope) > 1e-2 * size;
    stuck += felt && weights.slope.data()[i] == 0 ? 1 : 0;
  }
  CHECK(stuck > 10);
}

TEST_CASE("a gain's gradient does not follow where offsets meet other cells") {
  CrossbarLayer layer = StuckBehindOffsets();
  CHECK_FALSE(hw::GainFollowsWeights(layer.Program()));
  layer.chip = hw::LayerOnChip();
  CHECK(hw::GainFollowsWeights(layer.Program()));
}

TEST_CASE("gradients have the same bits with 1 and 2 threads and any kernel") {
  const int before = Threads();
  std::vector<CrossbarLayer> layers = RandomLayers(3, Key(46));
  layers.push_back(
      MakeLayer({4, 16, 16, 1, 16, 16, 3, 3, 1, 1}, 8, 8, 8, Key(47)));
  for (const auto& layer : layers) {
    INFO("layer ", layer.name);
    const Shape y =
        Conv2dOutputShape(layer.x.shape(), layer.w.shape(), layer.conv);
    const Tensor gy = RandomLike(y, Key(48));
    const hw::Programmed weights = layer.Program();
    hw::Observed seen;
    layer.Forward(&seen);
    const auto removed = [&] {
      Gradients g;
      g.x = Tensor::Zeros(layer.x.shape());
      g.w = Tensor::Zeros(layer.w.shape());
      hw::RemoveClipped(seen.clipped, layer.x, weights, layer.ranges,
                        layer.gain, gy, &g.x, &g.w);
      g.gain = hw::GainGradient(layer.x, weights, layer.ranges, gy);
      return g;
    };
    SetThreads(1);
    const Gradients one = removed();
    SetThreads(2);
    for (const size_t variant : SupportedKernels()) {
      const ForcedKernels forced(variant);
      const Gradients two = removed();
      CHECK(BitEqual(one.x, two.x));
      CHECK(BitEqual(one.w, two.w));
      CHECK(BitEqual(one.gain, two.gain));
    }
  }
  SetThreads(before);
}

TEST_CASE("clipped conversions are taken from one gradient alone, if asked") {
  CrossbarLayer layer =
      MakeLayer({2, 5, 5, 1, 12, 6, 3, 3, 1, 1}, 8, 8, 8, Key(49));
  hw::Observed seen;
  const Tensor gy = RandomLike(layer.Forward(&seen).shape(), Key(50));
  REQUIRE(!seen.clipped.empty());
  Tensor gx = Tensor::Zeros(layer.x.shape()), undefined;
  Tensor gw = Tensor::Zeros(layer.w.shape());
  const auto remove = [&](Tensor* x, Tensor* w) {
    hw::RemoveClipped(seen.clipped, layer.x, layer.Program(), layer.ranges,
                      layer.gain, gy, x, w);
  };
  remove(&gx, &undefined);
  remove(nullptr, &gw);
  Tensor both_x = Tensor::Zeros(layer.x.shape());
  Tensor both_w = Tensor::Zeros(layer.w.shape());
  remove(&both_x, &both_w);
  CHECK(BitEqual(gx, both_x));
  CHECK(BitEqual(gw, both_w));
  CHECK(!BitEqual(gx, Tensor::Zeros(gx.shape())));
}

}  // namespace
}  // namespace ohm::test
