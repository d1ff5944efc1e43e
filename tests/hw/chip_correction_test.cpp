// Stuck cells of a chip corrected digitally (hw/correction.h).
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "hw/correction.h"
#include "hw/kernels/tile.h"
#include "tests/hw/chip_layers.h"
#include "tests/support/near.h"

namespace ohm::test {
namespace {

TEST_CASE("chip: correction agrees with the reference") {
  uint64_t index = 0;
  for (hw::CrossbarSpec spec : Specs()) {
    spec.stuck_correction = hw::StuckCorrection::kSparse;
    INFO("weight_bits ", spec.weight_bits, " cell_bits ", spec.cell_bits,
         " dac_bits ", spec.dac_bits, " encoding ", int(spec.encoding));
    for (const auto& device : {Stuck(0.0175, 0.0904), Stuck(0.2, 0.3)}) {
      for (int i = 0; i < 3; ++i) {
        CheckAgainstReference(LayerOn(device, spec, index++));
      }
    }
  }
}

// Of pairs that are stuck at opposite ends; rows in one run of 96 bytes, in
// runs of one kernel position, and of two groups.
TEST_CASE("chip: corrections beyond a byte agree with the reference") {
  const std::vector<LayerSizes> layers = {{2, 6, 5, 1, 32, 40, 3, 3, 1, 1},
                                          {2, 7, 7, 1, 70, 9, 3, 3, 1, 2, 2},
                                          {2, 6, 5, 2, 12, 17, 3, 3, 2, 1}};
  for (const size_t variant : SupportedKernels()) {
    const ForcedKernels forced(variant);
    const bool digits = hw::CurrentTileKernels().digits_share_codes;
    for (const LayerSizes& sizes : layers) {
      CrossbarLayer layer = MakeLayer(sizes, {}, Key(64).Child(variant));
      layer.chip = {Stuck(0.1, 0.1), Key(65)};
      layer.spec.stuck_correction = hw::StuckCorrection::kPlain;
      const hw::Programmed program = layer.Program();
      CHECK(program.correction.remainders.windows.empty() == digits);
      CHECK(program.whole_correction.remainders.windows.empty() == digits);
      for (const bool gain : {true, false}) {
        if (!gain) layer.gain = {};
        CheckAgainstReference(layer);
      }
    }
  }
}

// With an ideal ADC correction gives back the fault-free product.
TEST_CASE("chip: correction makes up for stuck cells") {
  uint64_t index = 0;
  for (hw::CrossbarSpec spec : Specs()) {
    spec.adc_bits = 0;
    const CrossbarLayer ideal = LayerOn({}, spec, index);
    CrossbarLayer faulty = LayerOn(Stuck(0.1, 0.1), spec, index);
    faulty.ranges.adc.clear();
    INFO("spec ", index / 2, " layer ", faulty.name);
    const Tensor y = ideal.Forward();
    const bool large = ideal.w.count() > 100;
    if (large) CHECK(RelativeError(faulty.Forward(), y) > 0.1);
    faulty.spec.stuck_correction = hw::StuckCorrection::kPlain;
    CHECK(RelativeError(faulty.Forward(), y) < 2e-5);
    CHECK(RelativeError(faulty.Program().effective, ideal.Program().effective) <
          1e-6);
    index += 2;
  }
}

// The surplus of offset inputs flows through stuck cells, too.
TEST_CASE("chip: correction makes up for them where inputs have an offset") {
  hw::CrossbarSpec spec;
  spec.cell_bits = 2;
  spec.adc_per = hw::AdcPer::kSlice;
  spec.input_sign = hw::InputSign::kOffset;
  spec.calibration = hw::Calibration::kFullScale;
  spec.adc_bits = 16;
  for (uint64_t index = 0; index < 6; ++index) {
    const CrossbarLayer ideal = LayerOn({}, spec, index);
    CrossbarLayer faulty = LayerOn(Stuck(0.1, 0.1), spec, index);
    faulty.spec.stuck_correction = hw::StuckCorrection::kPlain;
    INFO("layer ", faulty.name);
    CHECK(RelativeError(faulty.Forward(), ideal.Forward()) < 2e-3);
  }
}

TEST_CASE("chip: without wires all corrections are one") {
  CrossbarLayer layer = LayerOn(Stuck(0.1, 0.1), {}, 4);
  layer.spec.stuck_correction = hw::StuckCorrection::kPlain;
  const Tensor y = layer.Forward();
  for (const auto kind :
       {hw::StuckCorrection::kLocal, hw::StuckCorrection::kSparse,
        hw::StuckCorrection::kDense}) {
    layer.spec.stuck_correction = kind;
    CHECK(BitEqual(layer.Forward(), y));
  }
}

TEST_CASE("chip: stuck weights get no gradient, corrected ones do") {
  CrossbarLayer layer = LayerOn(Stuck(0.2, 0.2), {}, 4);
  const auto zeros = [&] {
    const hw::Programmed program = layer.Program();
    Tensor gw = Tensor::Full(layer.w.shape(), 1.0F);
    hw::ScaleWeightGradient(program, Tensor(), &gw);
    return double(std::ranges::count(gw.span(), 0.0F)) / double(gw.count());
  };
  // 40 % of the cells that hold a weight's magnitude, of 2000 weights.
  CHECK(zeros() == Near(0.4, 0.15));
  layer.spec.stuck_correction = hw::StuckCorrection::kPlain;
  CHECK(zeros() == 0.0);
}

// Against what the same array is seen as without faults; the order is that of
// the reference's table.
TEST_CASE(
    "chip: behind wires plain correction is worse than sparse, dense is "
    "exact") {
  CrossbarLayer layer = WideLayer();
  layer.chip.device = Wired(2.67);
  const Tensor wanted = layer.Program().effective;
  layer.chip.device.stuck_at = Stuck(0.0175, 0.0904).stuck_at;
  const auto error = [&](hw::StuckCorrection kind) {
    layer.spec.stuck_correction = kind;
    return RelativeError(layer.Program().effective, wanted);
  };
  const double none = error(hw::StuckCorrection::kNone);
  const double plain = error(hw::StuckCorrection::kPlain);
  const double local = error(hw::StuckCorrection::kLocal);
  const double sparse = error(hw::StuckCorrection::kSparse);
  const double dense = error(hw::StuckCorrection::kDense);
  CHECK(plain < none);
  CHECK(local < 0.6 * plain);
  CHECK(sparse < 0.6 * plain);
  CHECK(dense < 1e-5);
}

}  // namespace
}  // namespace ohm::test
