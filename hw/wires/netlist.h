// An array with wires as a SPICE netlist, to be checked by other programs.
#pragma once

#include <span>
#include <string>

#include "hw/wires/wires.h"

namespace ohm::hw {

// A netlist that ngspice runs in batch mode (`ngspice -b FILE`): inputs at
// `volts` [rows], an operating point, and a line "i(vout<j>) = <ampere>" for
// each output j. Nodes: in<i>, top<i>_<j>, bot<i>_<j>, out<j>; a resistance of
// 0 makes its two nodes one. Cells that conduct nothing are left out. Currents
// are measured by sources of 0 V between the outputs and ground. Error as
// CheckArray and CheckWires, and for a wrong number of volts.
std::string SpiceNetlist(const CellMatrix& array, const Wires& wires,
                         std::span<const double> volts);

}  // namespace ohm::hw
