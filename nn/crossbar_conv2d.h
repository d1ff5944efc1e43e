// The recorded op behind a layer on a crossbar.
#pragma once

#include <memory>

#include "core/autograd/var.h"
#include "hw/crossbar.h"

namespace ohm::nn {

struct CrossbarInputs {
  Var x;      // [n, h, w, c], f32 or bf16; the result is of the same type
  Var w;      // [out, kh, kw, c / groups], float: what the cells are made from
  Var gain;   // [row_tiles, out] after the ADC; undefined: all ones
  Var bias;   // [out], added digitally; undefined: none
  Var range;  // [ADC ranges], the learned ranges.adc; undefined: not learned
};

// hw::Forward as an op. Straight-through gradients: rounding counts as the
// identity, a clipped input or conversion passes none, the step of the weights
// counts as constant.
//   x:    plain convolution gradient of the effective (quantised) weights
//   w:    plain convolution gradient of the quantised input
//   gain: gy times the converted partial sums, recomputed; where w needs a
//         gradient, too, or noise is drawn or injected, from the gradient of w
//         (hw::GainGradientOf), in which noise has no share, nor has the mean
//         that is injected; not where that does not follow
//         (hw::GainFollowsWeights)
//   range: hw::RangeGradient over sqrt(conversions * largest code), which keeps
//         ranges of all sizes at one pace (LSQ, ICLR 2020, section 2.2)
// With bf16 images both convolutions are bf16; of the inputs' codes, which bf16
// holds exactly up to 9 bits. `cells` must be Program(w). `observed` and
// `noise` may be null; learned ranges draw the same noise again. Saves x, the
// packed weights and the list of clipped conversions.
Var CrossbarConv2d(const CrossbarInputs& inputs,
                   std::shared_ptr<const hw::Programmed> cells,
                   const hw::Ranges& ranges, hw::Observed* observed,
                   const hw::PassNoise* noise = nullptr);

}  // namespace ohm::nn
