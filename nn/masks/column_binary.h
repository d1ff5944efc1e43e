// XBM: column-wise binary masks, reconstructed from the abstract of "XBM: a
// crossbar column-wise binary mask learning method" (ASP-DAC 2022); threshold
// and estimators are those of Piggyback (ECCV 2018) and KSM (CVPR 2021).
#pragma once

#include "nn/masks/mask.h"

namespace ohm::nn {

// gain = 1 where score > threshold, else 0 (the column is off: no read, no
// conversion). One bit per entry.
std::unique_ptr<Mask> MakeColumnBinary(const MaskedLayer& layer,
                                       const MaskOptions& options);

}  // namespace ohm::nn
