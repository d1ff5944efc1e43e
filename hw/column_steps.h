// Cells of a chip, each in a byte (CellSteps::kColumn). Internal to hw.
#pragma once

namespace ohm::hw {

struct Programmed;

// Rounds the digits of `p`->cells to 1/127 of the largest in their column of an
// array, slices of a logical column together; sets sum_scale, and makes
// effective (and converted) what the cells are then. A cell moves by half a
// step: half a code at most, unless a column holds more than the largest code,
// as where writing or stuck slices have taken it there. To be called before
// cells are packed, with integer weights on a chip and no sum_scale yet. Costs
// a pass over the cells.
void RoundToColumnSteps(Programmed* p);

}  // namespace ohm::hw
