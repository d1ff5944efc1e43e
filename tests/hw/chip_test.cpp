// Layers on chips: what devices do to them, against hw/reference.h.
#include "hw/chip.h"

#include <doctest/doctest.h>

#include <vector>

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

TEST_CASE("chip: cells take the finest parts that two digits hold") {
  const hw::TileMap map({.fan_in = 3, .outputs = 1}, hw::CrossbarSpec{});
  const auto parts = [&](float largest) {
    const std::vector<float> numbers{0.0F, -largest, 2.5F};
    return hw::PartsFor(Tensor::From({1, 3}, numbers), map, 127);
  };
  CHECK(parts(127.0F) == 256);
  CHECK(parts(127.49F) == 256);
  CHECK(parts(127.5F) == 128);
  CHECK(parts(254.9F) == 128);
  // 32 bits for the sums: 2^31 - 1 over 127 * 16,000 * 128.
  const hw::TileMap tall({.fan_in = 16000, .outputs = 1},
                         hw::CrossbarSpec{.rows = 16000});
  CHECK(hw::PartsFor(Tensor::Full({1, 16000}, 127.0F), tall, 127) == 8);
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
