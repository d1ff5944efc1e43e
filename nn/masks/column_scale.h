// Any factor per logical column: what multi-level masks are held against, and
// tier 2 of XMA2 ("column-wise scaling factors", Frontiers in Electronics
// 2022) before its factors are given levels.
#pragma once

#include "nn/masks/mask.h"

namespace ohm::nn {

// gain = the trained value, from 1 on; 32 bits per entry, those of a float32.
std::unique_ptr<Mask> MakeColumnScale(const MaskedLayer& layer,
                                      const MaskOptions& options);

}  // namespace ohm::nn
