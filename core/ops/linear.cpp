#include "core/ops/linear.h"

#include "core/base/check.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/matmul.h"

namespace ohm {

using kernels::Matmul;
using kernels::Transpose;

Var Linear(const Var& x, const Var& w, const Var& bias) {
  OHM_CHECK(x.shape().rank() == 2 && w.shape().rank() == 2 &&
                x.shape()[1] == w.shape()[1],
            "[linear] expected x [n, in] and weights [out, in], got " +
                x.shape().str() + " and " + w.shape().str());
  OHM_CHECK(!bias.defined() || bias.shape() == Shape{w.shape()[0]},
            "[linear] expected a bias [" + std::to_string(w.shape()[0]) +
                "], got " + bias.shape().str());
  OHM_CHECK(!bias.defined() || bias.value().dtype() == DType::kF32,
            "[linear] expected a bias of type f32");
  Tensor y =
      Matmul(x.value(), Transpose::kNo, w.value(), Transpose::kYes,
             x.value().dtype(), bias.defined() ? bias.value() : Tensor());
  return Record(
      "linear", std::move(y), {x, w, bias},
      [x = x.value(), w = w.value()](const BackwardCall& call) {
        std::vector<Tensor> grads(3);
        const Tensor& gy = call.grad_out;
        if (call.Needs(0)) {
          grads[0] = Matmul(gy, Transpose::kNo, w, Transpose::kNo, gy.dtype());
        }
        if (call.Needs(1)) {
          grads[1] =
              Matmul(gy, Transpose::kYes, x, Transpose::kNo, DType::kF32);
        }
        if (call.Needs(2)) grads[2] = kernels::SumRows(gy);
        return grads;
      });
}

}  // namespace ohm
