// Piggyback: masks of single weights (Mallya et al., "Piggyback: adapting a
// single network to multiple tasks by learning to mask weights", ECCV 2018;
// published code). Switching to such a task rewrites the cells of every weight
// whose mask is not 1.
#pragma once

#include "nn/masks/mask.h"

namespace ohm::nn {

// W' = m W, m = 1 where score > threshold, else 0. One bit per weight.
std::unique_ptr<Mask> MakeElementBinary(const MaskedLayer& layer,
                                        const MaskOptions& options);

// m = -1 where score < 0, 0 up to the threshold, 1 above. Two bits per weight.
std::unique_ptr<Mask> MakeElementTernary(const MaskedLayer& layer,
                                         const MaskOptions& options);

}  // namespace ohm::nn
