#include "tests/hw/layers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "hw/adc.h"
#include "hw/kernels/tile.h"
#include "hw/reference.h"
#include "hw/tile_pass.h"
#include "tests/support/worse.h"

namespace ohm::test {
namespace {

// Values near whole multiples of range / h, all of -h..h, a tenth beyond if
// `overshoot`.
Tensor NearCodes(const Shape& shape, float range, int largest, bool overshoot,
                 Key key) {
  const int h = largest == 0 ? 127 : largest;
  const auto codes = static_cast<uint64_t>(2 * h + 1);
  const double step = double(range) / h;
  Tensor t = Tensor::Empty(shape);
  for (int64_t i = 0; i < t.count(); ++i) {
    const auto at = static_cast<uint64_t>(i);
    // Of a key of its own: Uniform and Below draw from the same bits.
    const double off = 0.8 * (key.Child("off").Uniform(at) - 0.5);
    double value = (double(key.Below(at, codes)) - h + off) * step;
    value = std::clamp(value, -double(range), double(range));
    if (overshoot && key.Child("over").Below(at, 10) == 0) value *= 1.7;
    t.data()[i] = static_cast<float>(value);
  }
  return t;
}

std::string NameOf(const LayerSizes& s, const hw::CrossbarSpec& spec) {
  std::string name;
  for (const int64_t v :
       {s.n, s.h, s.w, s.groups, s.in, s.out, s.kh, s.kw, s.stride, s.pad,
        s.dilation, int64_t{s.rows}, int64_t{s.columns}}) {
    name += std::to_string(v) + " ";
  }
  return name + "bits " + std::to_string(spec.weight_bits) + " " +
         std::to_string(spec.dac_bits) + " " + std::to_string(spec.adc_bits);
}

Tensor MakeGain(const Shape& entries, Key key) {
  Tensor gain = Tensor::Empty(entries);
  for (int64_t i = 0; i < gain.count(); ++i) {
    const auto at = static_cast<uint64_t>(i);
    gain.data()[i] = key.Below(at, 4) == 0 ? 0.0F : float(key.Normal(at));
  }
  return gain;
}

}  // namespace

CrossbarLayer MakeLayer(const LayerSizes& s, int weight_bits, int dac_bits,
                        int adc_bits, Key key) {
  hw::CrossbarSpec spec;
  spec.weight_bits = weight_bits;
  spec.dac_bits = dac_bits;
  spec.adc_bits = adc_bits;
  return MakeLayer(s, spec, key);
}

CrossbarLayer MakeLayer(const LayerSizes& s, const hw::CrossbarSpec& spec,
                        Key key) {
  CrossbarLayer layer;
  layer.conv = Conv2dSpec::Square(s.stride, s.pad, s.dilation, s.groups);
  layer.spec = spec;
  layer.spec.rows = s.rows;
  layer.spec.columns = s.columns;
  layer.name = NameOf(s, layer.spec);
  layer.ranges.input = 2.3F;
  layer.x =
      NearCodes({s.n, s.h, s.w, s.groups * s.in}, layer.ranges.input,
                hw::LargestInput(spec), spec.dac_bits != 0, key.Child("x"));
  layer.w = NearCodes({s.groups * s.out, s.kh, s.kw, s.in}, 0.31F,
                      hw::LargestWeight(spec), false, key.Child("w"));
  layer.w.data()[0] = -0.31F;  // what the step of the weights comes from

  hw::Observed seen;
  layer.Forward(&seen);  // ranges.adc is empty: nothing clips
  for (size_t t = 0; t < seen.adc.size() && hw::CalibratesAdc(spec); ++t) {
    const double part = 0.6 + 0.6 * key.Child("adc").Uniform(t);
    layer.ranges.adc.push_back(seen.adc[t] * float(part));
  }
  if (key.Below(0, 3) != 0) {
    layer.gain = MakeGain(layer.Program().map.MaskEntries(), key.Child("gain"));
  }
  return layer;
}

namespace {

double LargestAbs(const Tensor& t) {
  double most = 0;
  for (const float v : t.span()) most = std::max(most, std::fabs(double(v)));
  return most;
}

// Numbers as the kernels hold them, whole ones of 1 / parts (bytes) or as they
// are; ideal weights in the reference's scale.
Tensor AsHeld(const CrossbarLayer& layer, const hw::Programmed& program,
              const Tensor& digits, int parts) {
  if (!digits.defined()) return digits;
  constexpr double kIdealLargest = 127;
  const double scale =
      layer.spec.weight_bits == 0 ? kIdealLargest / LargestAbs(layer.w) : 1.0;
  Tensor held = digits.Clone();
  for (float& v : held.span()) {
    const double part = double(v) * scale * parts;
    v = float((program.integer ? std::nearbyint(part) : part) / parts);
  }
  return held;
}

// Digits of cells that give as much as arrives.
Tensor Attenuated(const hw::Programmed& program) {
  Tensor digits = program.codes.Clone();
  hw::ScaleColumns(program.map, program.sum_scale, &digits);
  return digits.Reshape(
      {1, program.map.outputs(), program.map.matrix().fan_in});
}

// The digits that a layer's kernels read, undefined where they are its codes'.
Tensor Held(const CrossbarLayer& layer, const hw::Programmed& program) {
  if (!program.sum_scale.defined()) {
    return AsHeld(layer, program, program.cells, program.parts);
  }
  return program.cells.defined() ? program.cells : Attenuated(program);
}

Tensor CorrectionOf(const CrossbarLayer& layer, const hw::Programmed& program) {
  if (!program.correction.defined()) return {};
  return AsHeld(layer, program,
                hw::CellsOnChip(program.codes, program.map, layer.spec,
                                program.slicing, layer.chip)
                    .correction,
                program.correction.parts);
}

}  // namespace

Tensor MakeAttenuation(const hw::TileMap& map, Key key) {
  Tensor attenuation = Tensor::Empty(map.MaskEntries());
  for (int64_t i = 0; i < attenuation.count(); ++i) {
    attenuation.data()[i] = float(0.1 + 1.1 * key.Uniform(uint64_t(i)));
  }
  return attenuation;
}

void CheckAgainstReference(const CrossbarLayer& layer) {
  INFO("layer ", layer.name);
  const hw::Programmed program = layer.Program();
  const auto expected = hw::reference::Forward(
      layer.x, layer.w, layer.conv, layer.spec, layer.ranges, layer.gain,
      Held(layer, program), CorrectionOf(layer, program));
  const Tensor y = layer.Forward();
  REQUIRE(y.shape() == expected.y.shape());
  const double tolerance = 1e-5 * (1e-3 + LargestAbs(expected.y));
  int64_t strict = 0;
  double worst = 0;
  for (int64_t i = 0; i < y.count(); ++i) {
    const double error =
        std::fabs(double(y.data()[i]) - double(expected.y.data()[i]));
    worst = Worse(worst, error - 1.001 * double(expected.slack.data()[i]));
    strict += double(expected.margin.data()[i]) > hw::reference::kNear ? 1 : 0;
  }
  CHECK(worst <= tolerance);
  // Many planes leave few outputs without a conversion near a tie.
  if (program.slicing.whole()) {
    CHECK(strict * (program.cells.defined() ? 4 : 2) >= y.count());
  }
}

std::vector<LayerSizes> AwkwardSizes() {
  return {
      // n h w  groups in out  kh kw  stride pad dilation  rows columns
      {1, 1, 1, 1, 1, 1, 1, 1},
      {3, 1, 1, 1, 63, 17, 1, 1},
      {3, 1, 1, 1, 64, 64, 1, 1},
      {3, 1, 1, 1, 65, 65, 1, 1},
      {70, 1, 1, 1, 200, 10, 1, 1},
      {2, 6, 5, 1, 3, 16, 3, 3, 1, 1},
      {2, 5, 6, 1, 16, 33, 3, 3, 2, 1},
      {1, 9, 8, 1, 5, 7, 3, 2, 2, 2, 3},
      {1, 7, 7, 1, 1, 6, 5, 5, 1, 2},
      {2, 5, 5, 3, 7, 5, 3, 3, 1, 1},
      {2, 6, 6, 9, 1, 1, 3, 3, 1, 1},
      {1, 6, 6, 4, 1, 3, 3, 3, 2, 1},
      {1, 5, 5, 1, 6, 20, 3, 3, 1, 1, 1, 7, 5},
      {1, 4, 4, 2, 9, 9, 2, 2, 1, 0, 1, 1, 1},
      {1, 4, 4, 1, 30, 130, 3, 3, 1, 1, 1, 128, 32},
  };
}

LayerSizes RandomSizes(Key key) {
  const auto pick = [&](uint64_t index, int64_t least, int64_t most) {
    return least + int64_t(key.Below(index, uint64_t(most - least + 1)));
  };
  LayerSizes s{pick(0, 1, 2),  pick(1, 3, 8),  pick(2, 3, 8), pick(3, 1, 3),
               pick(4, 1, 20), pick(5, 1, 20), pick(6, 1, 3), pick(7, 1, 3)};
  s.stride = pick(8, 1, 2);
  s.dilation = pick(9, 1, 2);
  s.pad = pick(10, 2, 3);  // every window fits
  s.rows = int(pick(11, 1, 80));
  s.columns = int(pick(12, 1, 40));
  return s;
}

std::vector<CrossbarLayer> RandomLayers(int count, Key key) {
  std::vector<CrossbarLayer> layers;
  for (int i = 0; i < count; ++i) {
    const Key k = key.Child(static_cast<uint64_t>(i));
    layers.push_back(MakeLayer(RandomSizes(k), 8, 8, 8, k.Child("layer")));
  }
  return layers;
}

ForcedKernels::ForcedKernels(size_t variant) {
  hw::ForceTileKernels(&hw::TileKernelVariants().at(variant));
}
ForcedKernels::~ForcedKernels() { hw::ForceTileKernels(nullptr); }

std::vector<size_t> SupportedKernels() {
  std::vector<size_t> supported;
  for (size_t i = 0; i < hw::TileKernelVariants().size(); ++i) {
    if (hw::TileKernelVariants()[i].supported) supported.push_back(i);
  }
  return supported;
}

}  // namespace ohm::test
