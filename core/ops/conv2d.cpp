#include "core/ops/conv2d.h"

#include "core/base/check.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/elementwise.h"

namespace ohm {

Var Conv2d(const Var& x, const Var& w, const Var& bias,
           const Conv2dSpec& spec) {
  Conv2dOutputShape(x.shape(), w.shape(), spec);  // checks the shapes
  const Tensor bias_value = bias.defined() ? bias.value() : Tensor();
  OHM_CHECK(!bias.defined() || bias.shape() == Shape{w.shape()[0]},
            "[conv2d] expected a bias [" + std::to_string(w.shape()[0]) +
                "], got " + bias.shape().str());
  OHM_CHECK(w.value().dtype() == DType::kF32 &&
                (!bias.defined() || bias.value().dtype() == DType::kF32),
            "[conv2d] expected weights and bias of type f32");
  Tensor y = kernels::Conv2d(x.value(), w.value(), bias_value, spec);
  return Record("conv2d", std::move(y), {x, w, bias},
                [x = x.value(), w = w.value(), spec](const BackwardCall& call) {
                  std::vector<Tensor> grads(3);
                  const Tensor& gy = call.grad_out;
                  if (call.Needs(0)) {
                    grads[0] = kernels::Conv2dGradInput(gy, w, x.shape(), spec);
                  }
                  if (call.Needs(1)) {
                    grads[1] =
                        kernels::Conv2dGradWeight(x, gy, w.shape(), spec);
                  }
                  if (call.Needs(2)) grads[2] = kernels::SumRows(gy);
                  return grads;
                });
}

}  // namespace ohm
