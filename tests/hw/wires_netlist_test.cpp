#include <doctest/doctest.h>

#include <cstdlib>
#include <sstream>

#include "core/base/check.h"
#include "core/base/file.h"
#include "hw/wires/effective.h"
#include "hw/wires/netlist.h"
#include "tests/hw/nodal.h"
#include "tests/support/data.h"
#include "tests/train/scratch_folder.h"

namespace ohm::test {
namespace {

using hw::CellMatrix;
using hw::Wires;

TEST_CASE("wires: a netlist names each element once, ideal wires not at all") {
  const CellMatrix array{1, 2, {1e-4, 0}};
  const std::vector<double> volts{0.5};
  CHECK(hw::SpiceNetlist(array, {2.5, 1, 4, 0}, volts) ==
        "* crossbar array of 1 x 2 cells\n"
        "vin0 in0 0 dc 0.5\n"
        "rsource0 in0 top0_0 4\n"
        "rrow0_0 top0_0 top0_1 2.5\n"
        "rcell0_0 top0_0 out0 10000\n"
        "vout0 out0 0 dc 0\n"
        "vout1 out1 0 dc 0\n"
        ".control\nset numdgt=15\nop\n"
        "print i(vout0)\nprint i(vout1)\n"
        "quit 0\n.endc\n.end\n");
  CHECK(hw::SpiceNetlist(array, {}, volts).find("rcell0_0 in0 out0 10000") !=
        std::string::npos);
  CHECK_THROWS_WITH_AS(hw::SpiceNetlist(array, {}, std::vector<double>{1, 2}),
                       doctest::Contains("each of 1 rows, got 2"), Error);
}

// What ngspice prints behind "i(vout<j>) =".
std::vector<double> RunNgspice(const std::string& netlist, int64_t columns) {
  const train::ScratchFolder scratch;
  const auto file = scratch.path() / "array.cir", out = scratch.path() / "out";
  WriteFileAtomically(file, netlist);
  const int status = std::system(("ngspice -b '" + file.string() + "' >'" +
                                  out.string() + "' 2>&1 </dev/null")
                                     .c_str());
  const std::string text = ReadFile(out);
  INFO(text);
  CHECK(status == 0);
  std::vector<double> currents;
  for (int64_t j = 0; j < columns; ++j) {
    const std::string name = "i(vout" + std::to_string(j) + ") = ";
    const size_t at = text.find(name);
    REQUIRE(at != std::string::npos);
    currents.push_back(std::strtod(text.c_str() + at + name.size(), nullptr));
  }
  return currents;
}

TEST_CASE("wires: ngspice finds the same currents") {
  if (std::system("command -v ngspice >/dev/null 2>&1") != 0) {
    MarkSkipped("ngspice is not installed");
    return;
  }
  for (const Wires& wires :
       {Wires{}, Wires{2.67, 2.67, 4, 4}, Wires{28, 0, 0, 50},
        Wires{0, 28, 100, 0}, Wires{0, 0, 4, 4}}) {
    const CellMatrix array = RandomArray(16, 11, Key(1));
    const auto volts = Normals(16, Key(2));
    const double error =
        WorstError(RunNgspice(hw::SpiceNetlist(array, wires, volts), 11),
                   Currents(hw::EffectiveConductance(array, wires), volts));
    MESSAGE("ngspice: ", error);
    CHECK(error <= 1e-9);
  }
}

}  // namespace
}  // namespace ohm::test
