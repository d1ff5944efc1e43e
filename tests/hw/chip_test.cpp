// Layers on chips: what devices do to them, against hw/reference.h.
#include "hw/chip.h"

#include <doctest/doctest.h>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "tests/hw/chip_layers.h"

namespace ohm::test {
namespace {

TEST_CASE("chip: devices without effects change no bit") {
  uint64_t index = 0;
  for (const hw::CrossbarSpec& spec : Specs()) {
    for (int i = 0; i < 4; ++i) {
      const CrossbarLayer layer = LayerOn({}, spec, index++);
      const hw::Programmed plain = hw::Program(layer.w, layer.conv, layer.spec);
      CHECK_FALSE(layer.Program().cells.defined());
      CHECK(BitEqual(layer.Forward(), hw::Forward(layer.x, plain, layer.ranges,
                                                  layer.gain, nullptr)));
    }
  }
}

TEST_CASE("chip: an error of a third of a code wants codes") {
  hw::CrossbarSpec spec;
  hw::DeviceSpec device;
  device.write_error.law = hw::WriteLaw::kPytorx;
  hw::CheckOnChip(spec, device);
  spec.weight_bits = 0;
  CHECK_THROWS_WITH_AS(hw::CheckOnChip(spec, device),
                       doctest::Contains("device.write_error: expected another "
                                         "law than pytorx"),
                       Error);
  CHECK_THROWS_AS(LayerOn(device, spec, 0).Program(), Error);
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
      CHECK(BitEqual(program.effective, plain.effective));
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

TEST_CASE("chip: the same bits at any thread count, others on another chip") {
  CrossbarLayer layer = LayerOn(Imprecise(), {}, 4);
  const int threads = Threads();
  SetThreads(1);
  const Tensor one = layer.Program().cells;
  SetThreads(3);
  const Tensor three = layer.Program().cells;
  SetThreads(threads);
  CHECK(BitEqual(one, three));
  layer.chip.key = Key(63);
  CHECK_FALSE(BitEqual(one, layer.Program().cells));
}

}  // namespace
}  // namespace ohm::test
