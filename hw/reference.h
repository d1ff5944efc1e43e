// The naive twin of hw::Forward: one layer in volts, siemens and amperes, tile
// by tile, plain loops in double. For the tests; takes seconds where Forward
// takes microseconds.
//
//   V  = digit of the input * v_dd / (levels of the DAC)
//   I  = sum of V * G+  -  sum of V * G-              (hw/conductance.h)
//   code = round half to even of clip(I / I_step, lowest, largest)
//   z += sign * 2^shift * code * step                 (each slice and cycle)
//   y += gain * (z - offsets)
//
// G- is the other arm of a pair, or with offset encoding an idle cell of the
// reference column. I_step is the current of one code. Digits are cut here by
// division, apart from hw/slicing.cpp. Ideal converters: an ideal DAC spans
// +-v_dd / 2 over its range, ideal weights use the conductances between the
// codes, an ideal ADC passes I on.
#pragma once

#include "core/tensor/tensor.h"
#include "hw/crossbar.h"

namespace ohm::hw::reference {

struct Result {
  Tensor y;  // [n, h', w', out]
  // Like y: distance, in codes, of the nearest of the output's conversions to a
  // point where its code changes. Float rounding may turn a code that is within
  // about 1e-4 of one. 0.5 with an ideal ADC. (Codes of the DAC have no margin:
  // an input that lies as near between two may be taken for the other.)
  Tensor margin;
  // Like y: how far y moves at most if each of its conversions that is within
  // kNear of such a point gives the code beside.
  Tensor slack;
};
inline constexpr double kNear = 0.01;

// Shapes, ranges and gain as for hw::Forward; w as for hw::Program. An ideal
// DAC wants a range, too: one that covers x. `cells` f32 [slices, out, fan-in]
// are digits to take instead of those that the weights give, and `correction`
// f32 [out, fan-in] codes that are multiplied digitally and added to what the
// ADCs give (hw/chip.h); undefined: none.
Result Forward(const Tensor& x, const Tensor& w, const Conv2dSpec& conv,
               const CrossbarSpec& spec, const Ranges& ranges,
               const Tensor& gain, const Tensor& cells = {},
               const Tensor& correction = {});

}  // namespace ohm::hw::reference
