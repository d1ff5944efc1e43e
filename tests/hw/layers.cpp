#include "tests/hw/layers.h"

#include <algorithm>
#include <cmath>

#include "hw/kernels/tile.h"

namespace ohm::test {
namespace {

// Values near whole multiples of range / h, all of -h..h, a tenth beyond if
// `overshoot`.
Tensor NearCodes(const Shape& shape, float range, int bits, bool overshoot,
                 Key key) {
  const int h = hw::LargestCode(bits == 0 ? 8 : bits);
  const auto codes = static_cast<uint64_t>(2 * h + 1);
  const double step = double(range) / h;
  Tensor t = Tensor::Empty(shape);
  for (int64_t i = 0; i < t.count(); ++i) {
    const auto at = static_cast<uint64_t>(i);
    const double off = 0.8 * (key.Uniform(at) - 0.5);
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
  CrossbarLayer layer;
  layer.conv = Conv2dSpec::Square(s.stride, s.pad, s.dilation, s.groups);
  layer.spec.rows = s.rows;
  layer.spec.columns = s.columns;
  layer.spec.weight_bits = weight_bits;
  layer.spec.dac_bits = dac_bits;
  layer.spec.adc_bits = adc_bits;
  layer.name = NameOf(s, layer.spec);
  layer.ranges.input = 2.3F;
  layer.x = NearCodes({s.n, s.h, s.w, s.groups * s.in}, layer.ranges.input,
                      dac_bits, dac_bits != 0, key.Child("x"));
  layer.w = NearCodes({s.groups * s.out, s.kh, s.kw, s.in}, 0.31F, weight_bits,
                      false, key.Child("w"));
  layer.w.data()[0] = -0.31F;  // what the step of the weights comes from

  hw::Observed seen;
  layer.Forward(&seen);  // ranges.adc is empty: nothing clips
  for (size_t t = 0; t < seen.tile_range.size(); ++t) {
    const double part = 0.6 + 0.6 * key.Child("adc").Uniform(t);
    layer.ranges.adc.push_back(seen.tile_range[t] * float(part));
  }
  if (key.Below(0, 3) != 0) {
    layer.gain = MakeGain(layer.Program().map.MaskEntries(), key.Child("gain"));
  }
  return layer;
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

std::vector<CrossbarLayer> RandomLayers(int count, Key key) {
  std::vector<CrossbarLayer> layers;
  for (int i = 0; i < count; ++i) {
    const Key k = key.Child(static_cast<uint64_t>(i));
    const auto pick = [&](uint64_t index, int64_t least, int64_t most) {
      return least + int64_t(k.Below(index, uint64_t(most - least + 1)));
    };
    LayerSizes s{pick(0, 1, 2),  pick(1, 3, 8),  pick(2, 3, 8), pick(3, 1, 3),
                 pick(4, 1, 20), pick(5, 1, 20), pick(6, 1, 3), pick(7, 1, 3)};
    s.stride = pick(8, 1, 2);
    s.dilation = pick(9, 1, 2);
    s.pad = pick(10, 2, 3);  // every window fits
    s.rows = int(pick(11, 1, 80));
    s.columns = int(pick(12, 1, 40));
    layers.push_back(MakeLayer(s, 8, 8, 8, k.Child("layer")));
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
