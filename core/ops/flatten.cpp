#include "core/ops/flatten.h"

#include "core/base/check.h"
#include "core/kernels/layout.h"

namespace ohm {

Var Flatten(const Var& x) {
  const Shape s = x.shape();
  if (s.rank() == 2) return x;
  OHM_CHECK(s.rank() == 4, "[flatten] expected x [n, h, w, c], got " + s.str());
  const int64_t features = s[1] * s[2] * s[3];
  Tensor y = kernels::ToChannelsFirst(x.value()).Reshape({s[0], features});
  return Record("flatten", std::move(y), {x}, [s](const BackwardCall& call) {
    return std::vector{kernels::ToChannelsLast(
        call.grad_out.Reshape({s[0], s[3], s[1], s[2]}))};
  });
}

}  // namespace ohm
