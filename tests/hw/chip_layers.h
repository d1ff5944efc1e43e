// Layers on chips with real devices, for the tests of hw.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/hw/layers.h"

namespace ohm::test {

// Shares of stuck cells.
hw::DeviceSpec Stuck(double at_g_max, double at_g_min);
// Stuck cells and constant writing errors, cells kept in fine steps.
hw::DeviceSpec Imprecise();
// Wires of so many ohm a cell, cells kept in fine steps.
hw::DeviceSpec Wired(double ohm);

// Sliced and bit-serial crossbars, with and without signs, more bits than a
// byte has, ideal weights.
std::vector<hw::CrossbarSpec> Specs();

// One of AwkwardSizes() on a chip of its own; `index` draws both.
CrossbarLayer LayerOn(const hw::DeviceSpec& device,
                      const hw::CrossbarSpec& spec, uint64_t index);
// A layer of one full array, where wires matter, with Gaussian weights.
CrossbarLayer WideLayer();

// Root mean square of a - b against that of b.
double RelativeError(const Tensor& a, const Tensor& b);

}  // namespace ohm::test
