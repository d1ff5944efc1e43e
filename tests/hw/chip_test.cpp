// Layers on chips with real devices against the physical reference.
#include "hw/chip.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/parallel.h"
#include "hw/kernels/tile.h"
#include "hw/wires/effective.h"
#include "tests/hw/layers.h"

namespace ohm::test {
namespace {

hw::DeviceSpec Stuck(double at_g_max, double at_g_min) {
  hw::DeviceSpec device;
  device.stuck_at.gmax = at_g_max;
  device.stuck_at.gmin = at_g_min;
  return device;
}

hw::DeviceSpec Imprecise() {
  hw::DeviceSpec device = Stuck(0.05, 0.1);
  device.write_error.law = hw::WriteLaw::kConstant;
  device.write_error.sigma = 0.02;
  device.steps = hw::CellSteps::kFine;
  return device;
}

// Sliced and bit-serial crossbars, with and without signs.
std::vector<hw::CrossbarSpec> Specs() {
  std::vector<hw::CrossbarSpec> specs(1);
  hw::CrossbarSpec offset;
  offset.encoding = hw::Encoding::kOffset;
  specs.push_back(offset);
  hw::CrossbarSpec slices;
  slices.cell_bits = 2;
  specs.push_back(slices);
  slices.adc_per = hw::AdcPer::kSlice;
  slices.input_sign = hw::InputSign::kOffset;
  specs.push_back(slices);
  hw::CrossbarSpec serial;
  serial.encoding = hw::Encoding::kOffset;
  serial.cell_bits = 3;
  serial.column_flip = true;
  serial.adc_per = hw::AdcPer::kCycle;
  serial.input_slice_bits = 1;
  serial.input_sign = hw::InputSign::kTwoPass;
  serial.calibration = hw::Calibration::kFullScale;
  specs.push_back(serial);
  hw::CrossbarSpec fine;
  fine.weight_bits = 10;
  specs.push_back(fine);
  hw::CrossbarSpec ideal_weights;
  ideal_weights.weight_bits = 0;
  specs.push_back(ideal_weights);
  return specs;
}

CrossbarLayer LayerOn(const hw::DeviceSpec& device,
                      const hw::CrossbarSpec& spec, uint64_t index) {
  LayerSizes sizes = AwkwardSizes()[index % AwkwardSizes().size()];
  sizes.columns = std::max(sizes.columns, 8);  // room for every slice
  CrossbarLayer layer = MakeLayer(sizes, spec, Key(61).Child(index));
  layer.chip = {device, Key(62).Child(index)};
  return layer;
}

double RelativeError(const Tensor& a, const Tensor& b) {
  double error = 0, size = 0;
  for (int64_t i = 0; i < a.count(); ++i) {
    const double d = double(a.data()[i]) - double(b.data()[i]);
    error += d * d;
    size += double(b.data()[i]) * double(b.data()[i]);
  }
  return std::sqrt(error / std::max(size, 1e-300));
}

bool SameBits(const Tensor& a, const Tensor& b) {
  return std::ranges::equal(a.span(), b.span());
}

TEST_CASE("chip: devices without effects change no bit") {
  uint64_t index = 0;
  for (const hw::CrossbarSpec& spec : Specs()) {
    for (int i = 0; i < 4; ++i) {
      const CrossbarLayer layer = LayerOn({}, spec, index++);
      const hw::Programmed plain = hw::Program(layer.w, layer.conv, layer.spec);
      CHECK_FALSE(layer.Program().cells.defined());
      CHECK(SameBits(layer.Forward(), hw::Forward(layer.x, plain, layer.ranges,
                                                  layer.gain, nullptr)));
    }
  }
}

// The cells' way through conductances gives back the codes that were written.
TEST_CASE(
    "chip: a chip whose only fault is elsewhere holds exactly its codes") {
  uint64_t index = 0;
  for (const hw::CrossbarSpec& spec : Specs()) {
    const CrossbarLayer layer = LayerOn(Stuck(1e-12, 0), spec, index++);
    const hw::Programmed program = layer.Program();
    REQUIRE(program.cells.defined());
    REQUIRE(program.faulty_cells == 0);
    const hw::Programmed plain = hw::Program(layer.w, layer.conv, layer.spec);
    if (spec.weight_bits != 0) {
      CHECK(SameBits(program.effective, plain.effective));
    } else {
      CHECK(RelativeError(program.effective, plain.effective) < 1e-6);
    }
  }
}

TEST_CASE("chip: faulty and imprecise cells agree with the reference") {
  uint64_t index = 0;
  for (const hw::CrossbarSpec& spec : Specs()) {
    for (const auto& device : {Stuck(0.1, 0.1), Imprecise()}) {
      for (int i = 0; i < 3; ++i) {
        CheckAgainstReference(LayerOn(device, spec, index++));
      }
    }
  }
}

TEST_CASE("chip: every kernel variant reads the same cells") {
  for (const size_t variant : SupportedKernels()) {
    const ForcedKernels forced(variant);
    for (uint64_t index = 0; index < 6; ++index) {
      CrossbarLayer layer = LayerOn(Imprecise(), {}, index);
      layer.spec.stuck_correction = hw::StuckCorrection::kPlain;
      CheckAgainstReference(layer);
    }
  }
}

TEST_CASE("chip: cells that are stuck alone stay whole codes") {
  const hw::Programmed program = LayerOn(Stuck(0.1, 0.1), {}, 3).Program();
  CHECK(program.parts == 1);
  CHECK(program.row_tiles[0].high == 0);
  CHECK(program.faulty_cells > 0);
}

TEST_CASE("chip: correction agrees with the reference") {
  uint64_t index = 0;
  for (hw::CrossbarSpec spec : Specs()) {
    spec.stuck_correction = hw::StuckCorrection::kSparse;
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

TEST_CASE("chip: without wires all corrections are one") {
  CrossbarLayer layer = LayerOn(Stuck(0.1, 0.1), {}, 4);
  layer.spec.stuck_correction = hw::StuckCorrection::kPlain;
  const Tensor y = layer.Forward();
  for (const auto kind :
       {hw::StuckCorrection::kLocal, hw::StuckCorrection::kSparse,
        hw::StuckCorrection::kDense}) {
    layer.spec.stuck_correction = kind;
    CHECK(SameBits(layer.Forward(), y));
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
  CHECK(zeros() == doctest::Approx(0.4).epsilon(0.15));
  layer.spec.stuck_correction = hw::StuckCorrection::kPlain;
  CHECK(zeros() == 0.0);
}

hw::DeviceSpec Wired(double ohm) {
  hw::DeviceSpec device;
  device.wires.at_300_kelvin = {ohm, ohm, 4, 4};
  device.steps = hw::CellSteps::kFine;
  return device;
}

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
    worst =
        std::max(worst, std::fabs(seen[i] - double(program.cells.data()[i])));
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

// A layer of one full array, where wires matter, with Gaussian weights.
CrossbarLayer WideLayer() {
  CrossbarLayer layer =
      MakeLayer({20, 1, 1, 1, 64, 64, 1, 1}, hw::CrossbarSpec{}, Key(65));
  for (int64_t i = 0; i < layer.w.count(); ++i) {
    layer.w.data()[i] = float(Key(67).Normal(uint64_t(i)));
  }
  return layer;
}

double EffectiveError(const CrossbarLayer& layer) {
  return RelativeError(layer.Program().effective,
                       hw::Program(layer.w, layer.conv, layer.spec).effective);
}

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
    CHECK(most == doctest::Approx(most == 0 ? 0 : 127));
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
        CHECK(SameBits(column.cells, fine.cells));
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

// Between solutions of the wires: first order in the change of the cells.
TEST_CASE("chip: frozen wires follow small changes of the weights") {
  CrossbarLayer layer = WideLayer();
  layer.spec.weight_bits = 0;
  layer.chip.device = Wired(2.67);
  hw::FrozenWires frozen;
  const auto program = [&](hw::FrozenWires* wires) {
    return hw::Program(layer.w, layer.conv, layer.spec,
                       {.chip = &layer.chip, .frozen = wires});
  };
  const Tensor first = program(&frozen).effective;
  CHECK(SameBits(first, program(nullptr).effective));
  CHECK(SameBits(first, program(&frozen).effective));
  // Ideal weights are scaled to the largest, which stays.
  const auto most = std::ranges::max_element(
      layer.w.span(), {}, [](float w) { return std::fabs(w); });
  for (int64_t i = 0; i < layer.w.count(); ++i) {
    float& w = layer.w.data()[i];
    const auto change = float(Key(66).Uniform(uint64_t(i)) - 0.5);
    if (&w != &*most) w += 0.04F * change;
  }
  const Tensor exact = program(nullptr).effective;
  const double stale = RelativeError(first, exact);
  CHECK(RelativeError(program(&frozen).effective, exact) < 0.2 * stale);
}

TEST_CASE("chip: the slope behind wires is the derivative of a cell") {
  CrossbarLayer layer = WideLayer();
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
    CHECK(difference ==
          doctest::Approx(double(program.slope.data()[i])).epsilon(0.02));
  }
}

TEST_CASE("chip: the same bits at any thread count, others on another chip") {
  CrossbarLayer layer = LayerOn(Imprecise(), {}, 4);
  const int threads = Threads();
  SetThreads(1);
  const Tensor one = layer.Program().cells;
  SetThreads(3);
  const Tensor three = layer.Program().cells;
  SetThreads(threads);
  CHECK(SameBits(one, three));
  layer.chip.key = Key(63);
  CHECK_FALSE(SameBits(one, layer.Program().cells));
}

}  // namespace
}  // namespace ohm::test
