// KSM: masks of kernels, the weights between one input and one output channel
// (Yang et al., "Learning without forgetting by kernel-wise soft mask", CVPR
// 2021; published code). Switching rewrites every kernel whose factor is not 1.
#pragma once

#include "nn/masks/mask.h"

namespace ohm::nn {

// W' = b W, b = 1 where score > threshold, else 0. One bit per kernel.
std::unique_ptr<Mask> MakeKernelHard(const MaskedLayer& layer,
                                     const MaskOptions& options);

// W' = (b + a / 2) W: kernels that are off keep a share a / 2, where a is the
// score of a kernel that is off, moved and scaled to 0..1 over the layer. No
// gradient passes through a. 32 bits per kernel, those of the factor. An
// unpacked mask is for use: its factors do not follow scores any more.
std::unique_ptr<Mask> MakeKernelSoft(const MaskedLayer& layer,
                                     const MaskOptions& options);

// The op behind both: w [out, kh, kw, in] times factors [out, in].
Var ScaleKernels(const Var& w, const Var& factors);

}  // namespace ohm::nn
