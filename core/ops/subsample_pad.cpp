#include "core/ops/subsample_pad.h"

#include "core/base/check.h"
#include "core/kernels/layout.h"

namespace ohm {

Var SubsamplePad(const Var& x, int64_t stride, int64_t before, int64_t after) {
  OHM_CHECK(x.shape().rank() == 4 && stride >= 1 && before >= 0 && after >= 0,
            "[subsample_pad] expected x [n, h, w, c], stride >= 1 and padding "
            ">= 0, got " +
                x.shape().str() + ", " + std::to_string(stride) + ", " +
                std::to_string(before) + ", " + std::to_string(after));
  Tensor y = kernels::SubsamplePad(x.value(), stride, before, after);
  return Record("subsample_pad", std::move(y), {x},
                [shape = x.shape(), stride, before](const BackwardCall& call) {
                  return std::vector{kernels::SubsamplePadBackward(
                      call.grad_out, shape, stride, before)};
                });
}

}  // namespace ohm
