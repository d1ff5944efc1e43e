#include "core/ops/pool2d.h"

#include "core/base/check.h"
#include "core/ops/reshape.h"

namespace ohm {

Var Pool2d(const Var& x, kernels::PoolKind kind, const Pool2dSpec& spec) {
  Pool2dOutputShape(x.shape(), spec);  // checks the shapes
  Tensor workspace;
  const bool record = WillRecord(std::vector{x});
  Tensor y =
      kernels::Pool2d(x.value(), kind, spec, record ? &workspace : nullptr);
  return Record(
      "pool2d", std::move(y), {x},
      [shape = x.shape(), kind, spec, workspace](const BackwardCall& call) {
        return std::vector{kernels::Pool2dGradInput(call.grad_out, shape, kind,
                                                    spec, workspace)};
      });
}

Var GlobalAveragePool2d(const Var& x) {
  OHM_CHECK(x.shape().rank() == 4,
            "[pool2d] expected x [n, h, w, c], got " + x.shape().str());
  const int64_t h = x.shape()[1], w = x.shape()[2];
  const Var y = Pool2d(x, kernels::PoolKind::kAverage, {h, w, h, w, 0, 0});
  return Reshape(y, {x.shape()[0], x.shape()[3]});
}

}  // namespace ohm
