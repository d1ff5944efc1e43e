// XMA: column-wise shift-based multi-level masks, reconstructed from the
// abstract of "XMA: a crossbar-aware multi-task adaption framework via
// shift-based mask learning method" (DAC 2022); levels, rounding and estimator
// are ours.
#pragma once

#include "nn/masks/mask.h"

namespace ohm::nn {

// gain = 2^e with e = round(rho) clipped to levels.min..max, or 0 below, where
// there is that level: a barrel shift beside the shift-and-add. rho starts at
// 0, so gains at exactly 1. One entry takes levels.bits() bits: 0 for gain 0
// where there is that level, then the exponents from levels.min up.
// With min = max = 0 and a zero it is ColumnBinary.
std::unique_ptr<Mask> MakeColumnShift(const MaskedLayer& layer,
                                      const MaskOptions& options);

// The op behind it, of the exponents rho. Gradient: 2^e ln 2 (that of the
// smallest power at gain 0, or a column that is off would stay off), and 0
// where a step against it would lead further out of the levels' range.
Var ShiftGain(const Var& rho, const ShiftLevels& levels);

}  // namespace ohm::nn
