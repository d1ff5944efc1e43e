// Cells of a chip as bytes, in steps of their column.
#include "hw/column_steps.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "hw/chip.h"
#include "hw/pass_noise.h"
#include "tests/hw/chip_layers.h"
#include "tests/support/near.h"

namespace ohm::test {
namespace {

// What the slices of `program` hold together: a flipped one its complement.
Tensor CodesHeld(const hw::Programmed& program) {
  const hw::Slicing& slicing = program.slicing;
  if (slicing.whole()) return program.cells.Reshape(program.effective.shape());
  Tensor codes =
      Tensor::Full(program.effective.shape(), float(-slicing.weight_offset));
  const int64_t fan_in = program.map.matrix().fan_in;
  const int64_t outputs = program.map.outputs();
  for (int64_t s = 0; s < int64_t(slicing.slices.size()); ++s) {
    const hw::Digits& slice = slicing.slices[size_t(s)];
    for (int64_t o = 0; o < outputs; ++o) {
      for (int64_t t = 0; t < program.map.row_tiles(); ++t) {
        const auto at = size_t(s * program.entries() + program.At(t, o));
        const bool flips = !program.flipped.empty() && program.flipped[at] != 0;
        for (const int32_t k : program.map.RowsOf(t)) {
          const float held =
              program.cells.data()[(s * outputs + o) * fan_in + k];
          codes.data()[o * fan_in + k] += std::ldexp(
              flips ? float(slice.largest) - held : held, slice.shift);
        }
      }
    }
  }
  return codes;
}

// A column's cells are whole numbers of steps up to 127, half a step from what
// they hold at most; the largest of them keeps its value.
void CheckSteps(const hw::Programmed& fine, const hw::Programmed& column) {
  const hw::TileMap& map = fine.map;
  const int64_t outputs = map.outputs(), fan_in = map.matrix().fan_in;
  const int64_t slices = int64_t(fine.slicing.slices.size());
  for (int64_t i = 0; i < map.row_tiles() * outputs; ++i) {
    const int64_t t = i / outputs, o = i % outputs;
    const auto step = double(column.sum_scale.data()[i]);
    double most = 0;
    for (int64_t s = 0; s < slices; ++s) {
      for (const int32_t k : map.RowsOf(t)) {
        const int64_t at = (s * outputs + o) * fan_in + k;
        const double held = double(column.cells.data()[at]) / step;
        CHECK(std::fabs(held - std::nearbyint(held)) < 1e-4);
        CHECK(std::fabs(double(fine.cells.data()[at]) / step - held) < 0.5001);
        most = std::max(most, std::fabs(held));
      }
    }
    // Of a column that holds next to nothing the step is the least there is.
    CHECK(most <= 127.001);
    const bool least = step <= 1.0 / 65536;
    if (!least && most > 0) CHECK(most == Near(127));
  }
}

TEST_CASE("chip: a byte holds a cell where that is asked for") {
  uint64_t index = 0;
  for (const hw::CrossbarSpec& spec : Specs()) {
    for (int i = 0; i < 3; ++i) {
      hw::DeviceSpec device = Imprecise();
      device.wires = Wired(2.67).wires;
      CrossbarLayer layer = LayerOn(device, spec, index++);
      layer.spec.stuck_correction = hw::StuckCorrection::kPlain;
      const hw::Programmed fine = layer.Program();
      layer.chip.device.steps = hw::CellSteps::kColumn;
      const hw::Programmed column = layer.Program();
      CheckAgainstReference(layer);
      if (!column.integer) {
        CHECK(BitEqual(column.cells, fine.cells));
        continue;
      }
      CHECK(column.row_tiles[0].high == 0);
      CheckSteps(fine, column);
      // Gradients see what is summed.
      Tensor codes = column.converted.Clone();
      for (float& value : codes.span()) value /= column.step;
      CHECK(RelativeError(codes, CodesHeld(column)) < 1e-6);
      const double moved = RelativeError(column.effective, fine.effective);
      if (layer.w.count() > 100) CHECK(moved > 0);
      CHECK(moved < 0.02);
    }
  }
}

TEST_CASE("chip: columns that hold next to nothing keep their noise finite") {
  CrossbarLayer layer = LayerOn(Imprecise(), {}, 4);
  for (float& w : layer.w.span()) w = 0;
  layer.w.data()[0] = 1;
  layer.spec.g_min = 0;  // where cells can be off by so little
  layer.spec.adc_bits = 0;
  layer.gain = Tensor();
  layer.chip.device = {};
  layer.chip.device.write_error.law = hw::WriteLaw::kConstant;
  layer.chip.device.write_error.sigma = 1e-25;
  layer.chip.device.read_noise.sigma = 0.01;
  const hw::Programmed program = layer.Program();
  REQUIRE(program.sum_scale.defined());
  const hw::PassNoise noise{Key(66), 0, {}, {}};
  const Tensor y =
      hw::Forward(layer.x, program, layer.ranges, {}, nullptr, &noise);
  for (const float v : y.span()) CHECK(std::isfinite(v));
}

TEST_CASE("chip: every kernel variant and bare sums read such cells") {
  for (const size_t variant : SupportedKernels()) {
    const ForcedKernels forced(variant);
    for (uint64_t index = 0; index < 6; ++index) {
      for (const int adc_bits : {0, 8}) {
        hw::CrossbarSpec spec = Specs()[index];
        if (spec.calibration == hw::Calibration::kMax) spec.adc_bits = adc_bits;
        CrossbarLayer layer = LayerOn(Imprecise(), spec, index);
        layer.chip.device.steps = hw::CellSteps::kColumn;
        CheckAgainstReference(layer);
      }
    }
  }
}

}  // namespace
}  // namespace ohm::test
