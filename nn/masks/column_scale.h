// A factor per logical column, finer than powers of two: tier 2 of XMA2
// ("column-wise scaling factors", Frontiers in Electronics 2022; bits and range
// are ours), and what multi-level masks are held against.
#pragma once

#include "nn/masks/mask.h"

namespace ohm::nn {

// gain = values rounded to options.scale_bits bits, 2 to 16: whole multiples of
// 2^(2 - bits) from -2 to below 2, so that a digital multiplier of that width
// does; backward goes straight through, but not further out beyond the ends.
// With 0 bits the value itself, 32 bits per entry. From 1 on.
std::unique_ptr<Mask> MakeColumnScale(const MaskedLayer& layer,
                                      const MaskOptions& options);

// The factors of `values` with so many bits, recorded for backward; ScaleGain
// of 0 bits is the values.
Var ScaleGain(const Var& values, int bits);

}  // namespace ohm::nn
