// Random layers on crossbars, with awkward sizes, for the tests of hw.
#pragma once

#include <string>
#include <vector>

#include "core/base/random.h"
#include "hw/crossbar.h"

namespace ohm::test {

struct CrossbarLayer {
  std::string name;
  Tensor x, w;
  Conv2dSpec conv;
  hw::CrossbarSpec spec;
  hw::Ranges ranges;     // of one ADC per tile, some of which clip
  Tensor gain;           // some are 0, some negative; undefined in every third
  hw::LayerOnChip chip;  // ideal devices, unless set
  Tensor attenuation;    // 1, unless set

  hw::Programmed Program() const {
    return hw::Program(w, conv, spec,
                       {.chip = &chip, .attenuation = attenuation});
  }
  Tensor Forward(hw::Observed* observed = nullptr) const {
    return hw::Forward(x, Program(), ranges, gain, observed);
  }
};

// Sizes of a layer: x [n, h, w, groups * in], weights [groups * out, kh, kw,
// in].
struct LayerSizes {
  int64_t n, h, w, groups, in, out, kh, kw;
  int64_t stride = 1, pad = 0, dilation = 1;
  int rows = 64, columns = 64;
};

// Inputs and weights keep their distance from the rounding points of DAC and
// cells, so that float and double find the same codes; some inputs lie outside
// the DAC's range.
CrossbarLayer MakeLayer(const LayerSizes& sizes, int weight_bits, int dac_bits,
                        int adc_bits, Key key);
// With every other field as in `spec`, but rows and columns of `sizes`.
CrossbarLayer MakeLayer(const LayerSizes& sizes, const hw::CrossbarSpec& spec,
                        Key key);

// From 0.1 to 1.2, one for each logical column.
Tensor MakeAttenuation(const hw::TileMap& map, Key key);

// Compares with hw/reference.h: to float precision where no conversion is near
// a point where its code changes, to a code of each conversion where one is.
void CheckAgainstReference(const CrossbarLayer& layer);

// 1x1 up to one row or column past the tile, grouped, depthwise, strided,
// dilated, padded, linear.
std::vector<LayerSizes> AwkwardSizes();
LayerSizes RandomSizes(Key key);
// Layers drawn at random, 8 bits everywhere.
std::vector<CrossbarLayer> RandomLayers(int count, Key key);

// Forces one kernel variant after the other while alive.
class ForcedKernels {
 public:
  explicit ForcedKernels(size_t variant);
  ~ForcedKernels();
  ForcedKernels(const ForcedKernels&) = delete;
  ForcedKernels& operator=(const ForcedKernels&) = delete;
};
// Variants that this machine can run, as indices for ForcedKernels.
std::vector<size_t> SupportedKernels();

}  // namespace ohm::test
