// Writing another weight over a differential pair by one of its two cells
// (ours). A weight is a difference, so either cell alone reaches
// almost any: where the sign stays, the arm of the sign is written; where it
// turns, the old arm keeps its level and the other one outweighs it. Out of
// reach are weights of opposite signs that together exceed the range; these
// take both cells. What that saves is half of the cells that a new weight may
// cost; its price is conductance that cancels (noise, currents in the wires).
#pragma once

#include "core/tensor/tensor.h"
#include "hw/spec.h"

namespace ohm::hw {

// Whether there are pairs to choose from; cells of an offset encoding are alone
// anyway, and ideal weights have no range to stay in.
bool HasPairs(const CrossbarSpec& spec);

struct CodeRange {
  int low, high;
};
// The codes that one written cell reaches from the code `before`, both up to
// `largest` in magnitude. All can be undone by writing the same cell.
CodeRange ReachedByOneCell(int before, int largest);

// What a pair's minus arm holds, up to `largest`, once `code` was written over
// `before`; the plus arm holds code + that.
int MinusArm(int code, int before, int largest);

// The same for a layer: codes f32 as programmed over the weights `before`, of
// which `range` is the largest code; f32, like the codes. Undefined, which
// stands for max(-code, 0) everywhere, unless HasPairs(spec). Costs a pass over
// the weights.
Tensor MinusArms(const Tensor& codes, const Tensor& before, float range,
                 const CrossbarSpec& spec);

}  // namespace ohm::hw
