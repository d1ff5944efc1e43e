// Layers on chips behind wires with resistance.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "hw/chip.h"
#include "hw/converters.h"
#include "hw/wires/effective.h"
#include "tests/hw/chip_layers.h"
#include "tests/support/near.h"
#include "tests/support/worse.h"

namespace ohm::test {
namespace {

// One array for each arm, so what a layer computes is what the solver says.
TEST_CASE("chip: behind wires a column is seen as the solver sees it") {
  hw::CrossbarSpec spec;
  spec.cell_bits = 4;  // two slices side by side
  CrossbarLayer layer = MakeLayer({2, 1, 1, 1, 20, 6, 1, 1}, spec, Key(64));
  layer.chip.device = Wired(28);
  const hw::Programmed program = layer.Program();
  const double step = (spec.g_max - spec.g_min) / 15;
  std::vector<double> seen(6 * 20, 0.0);
  for (const int arm : {1, -1}) {
    hw::CellMatrix matrix{20, 12, std::vector<double>(20 * 12)};
    for (int o = 0; o < 6; ++o) {
      for (int k = 0; k < 20; ++k) {
        const int code = int(program.codes.data()[o * 20 + k]);
        const int magnitude = std::max(code * arm, 0);
        matrix.siemens[size_t(k * 12 + 2 * o)] =
            spec.g_min + step * (magnitude % 16);
        matrix.siemens[size_t(k * 12 + 2 * o + 1)] =
            spec.g_min + step * (magnitude / 16);
      }
    }
    const auto effective =
        hw::EffectiveConductance(matrix, layer.chip.device.wires.at_300_kelvin);
    for (int o = 0; o < 6; ++o) {
      for (int k = 0; k < 20; ++k) {
        seen[size_t(o * 20 + k)] +=
            arm / step *
            (effective[size_t(k * 12 + 2 * o)] +
             16 * effective[size_t(k * 12 + 2 * o + 1)]);
      }
    }
  }
  double worst = 0;
  for (size_t i = 0; i < seen.size(); ++i) {
    worst = Worse(worst, std::fabs(seen[i] - double(program.cells.data()[i])));
  }
  CHECK(worst < 1e-4);
  CHECK(RelativeError(program.cells, program.codes) > 0.01);
}

TEST_CASE("chip: wires agree with the reference in every slicing") {
  uint64_t index = 0;
  for (const hw::CrossbarSpec& spec : Specs()) {
    for (int i = 0; i < 2; ++i) {
      hw::DeviceSpec device = Imprecise();
      device.wires = Wired(2.67).wires;
      CheckAgainstReference(LayerOn(device, spec, index++));
    }
  }
}

double EffectiveError(const CrossbarLayer& layer) {
  return RelativeError(layer.Program().effective,
                       hw::Program(layer.w, layer.conv, layer.spec).effective);
}

TEST_CASE("chip: predistortion brings cells nearer, headroom nearer still") {
  CrossbarLayer layer = WideLayer();
  layer.chip.device = Wired(2.67);
  const double naive = EffectiveError(layer);
  layer.spec.predistort = 5;
  const double full = EffectiveError(layer);
  layer.spec.headroom = 0.4;
  const double room = EffectiveError(layer);
  CHECK(full < 0.6 * naive);
  CHECK(room < 0.5 * full);
}

// Between solutions of the wires: first order in the change of the cells, and
// of what the correction of stuck ones compares.
TEST_CASE("chip: frozen wires follow small changes of the weights") {
  for (const auto kind :
       {hw::StuckCorrection::kNone, hw::StuckCorrection::kLocal,
        hw::StuckCorrection::kSparse, hw::StuckCorrection::kDense}) {
    CAPTURE(int(kind));
    CrossbarLayer layer = WideLayer();
    layer.spec.weight_bits = 0;
    layer.spec.stuck_correction = kind;
    layer.chip.device = Wired(2.67);
    layer.chip.device.stuck_at = Stuck(0.0175, 0.0904).stuck_at;
    hw::FrozenWires frozen;
    const auto program = [&](hw::FrozenWires* wires) {
      return hw::Program(layer.w, layer.conv, layer.spec,
                         {.chip = &layer.chip, .frozen = wires});
    };
    const Tensor first = program(&frozen).effective;
    CHECK(BitEqual(first, program(nullptr).effective));
    CHECK(BitEqual(first, program(&frozen).effective));
    // Ideal weights are scaled to the largest, which stays.
    const auto most = std::ranges::max_element(
        layer.w.span(), {}, [](float w) { return std::fabs(w); });
    for (int64_t i = 0; i < layer.w.count(); ++i) {
      float& w = layer.w.data()[i];
      const auto change = float(Key(66).Uniform(uint64_t(i)) - 0.5);
      if (&w != &*most) w += 0.04F * change;
    }
    const Tensor exact = program(nullptr).effective;
    const Tensor near = program(&frozen).effective;
    CHECK_FALSE(BitEqual(near, exact));  // nothing is solved anew
    const double stale = RelativeError(first, exact);
    CHECK(RelativeError(near, exact) < 0.2 * stale);
  }
}

// Of stuck cells, too: what is corrected is followed as it is corrected.
TEST_CASE("chip: the slope of a stuck cell is that of its correction") {
  for (const auto& [kind, least, most] :
       {std::tuple{hw::StuckCorrection::kNone, 0.0, 0.0},
        std::tuple{hw::StuckCorrection::kPlain, 1.0, 1.0},
        std::tuple{hw::StuckCorrection::kLocal, 0.1, 0.99999}}) {
    CrossbarLayer layer = WideLayer();
    layer.spec.stuck_correction = kind;
    layer.chip.device = Wired(2.67);
    layer.chip.device.stuck_at = Stuck(0.0, 1.0).stuck_at;
    layer.chip.derivatives = true;
    const auto slopes = layer.Program().slope;
    for (const float slope : slopes.span()) {
      CHECK(double(slope) >= least);
      CHECK(double(slope) <= most);
    }
  }
}

void CheckSlopes(CrossbarLayer layer, double tolerance) {
  layer.spec.weight_bits = 0;
  layer.chip.device = Wired(2.67);
  layer.chip.derivatives = true;
  const hw::Programmed program = layer.Program();
  for (const int64_t i : {5, 700, 2222, 4000}) {
    CrossbarLayer other = layer;
    other.w = layer.w.Clone();
    const float h = layer.w.data()[i] < 0 ? -1e-2F : 1e-2F;
    other.w.data()[i] += h;
    const double difference = (double(other.Program().effective.data()[i]) -
                               double(program.effective.data()[i])) /
                              double(h);
    CHECK(difference == Near(double(program.slope.data()[i]), tolerance));
  }
}

TEST_CASE("chip: the slope behind wires is the derivative of a cell") {
  CrossbarLayer layer = WideLayer();
  CheckSlopes(layer, 0.02);
  // Predistorted within the range, what arrives is what was wanted.
  layer.spec.predistort = 20;
  layer.spec.headroom = 0.7;
  CheckSlopes(layer, 0.1);
}

// Of a cell in an array of its own arm: its input's voltage is a share p of
// what is driven, its current arrives by a share q, and p q is the slope.
TEST_CASE("chip: behind wires cells are heard by their shares") {
  CrossbarLayer layer = WideLayer();
  layer.spec.encoding = hw::Encoding::kOffset;
  hw::DeviceSpec noisy;
  noisy.thermal_noise.on = noisy.shot_noise.on = true;
  noisy.read_noise.sigma = 0.02;
  const hw::TileMap map(hw::MatrixOf(layer.w.shape(), 1), layer.spec);
  const Tensor codes =
      hw::QuantizeWeights(layer.w, hw::LargestWeight(layer.spec)).codes;
  const auto cells = [&](const hw::DeviceSpec& device) {
    hw::LayerOnChip chip{device, Key(72)};
    chip.derivatives = true;
    return hw::CellsOnChip(codes, map, layer.spec, hw::SlicingOf(layer.spec),
                           chip);
  };
  const auto near = cells(noisy);
  hw::DeviceSpec wired = Wired(28);
  wired.thermal_noise = noisy.thermal_noise;
  wired.shot_noise = noisy.shot_noise;
  wired.read_noise = noisy.read_noise;
  const auto far = cells(wired);
  const auto ratio = [&](const Tensor hw::ReadVariances::*part, int64_t i) {
    return double((far.read.*part).data()[i]) /
           double((near.read.*part).data()[i]);
  };
  const int64_t rows = layer.w.size(3), outputs = layer.w.size(0);
  REQUIRE(map.row_tiles() == 1);
  double least = 1;
  for (int64_t o = 0; o < outputs; ++o) {
    double damped = 0, all = 0;  // of a column's constant, in proportion to g
    for (int64_t i = o * rows; i < (o + 1) * rows; ++i) {
      const auto d = double(far.slope.data()[i]);
      least = std::min(least, d);
      CHECK(ratio(&hw::ReadVariances::per_input, i) ==
            Near(d * std::sqrt(d), 1e-4));
      CHECK(ratio(&hw::ReadVariances::per_square, i) == Near(d * d, 1e-4));
      const double g =
          layer.spec.g_min + (layer.spec.g_max - layer.spec.g_min) *
                                 (double(codes.data()[i]) + 127) / 254;
      damped += g * d;
      all += g;
    }
    CHECK(ratio(&hw::ReadVariances::constant, o) == Near(damped / all, 1e-4));
  }
  CHECK(least < 0.5);
}

}  // namespace
}  // namespace ohm::test
