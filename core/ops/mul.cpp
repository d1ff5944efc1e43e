#include "core/ops/mul.h"

#include "core/base/check.h"
#include "core/kernels/float_type.h"

namespace ohm {
namespace {

Tensor Product(const Tensor& a, const Tensor& b) {
  Tensor y = Tensor::Empty(a.shape(), a.dtype());
  kernels::VisitFloatType(a.dtype(), [&](auto type) {
    using T = decltype(type);
    const T *left = a.data<T>(), *right = b.data<T>();
    T* to = y.data<T>();
    const int64_t count = y.count();
    for (int64_t i = 0; i < count; ++i) {
      to[i] = FromFloat<T>(ToFloat(left[i]) * ToFloat(right[i]));
    }
  });
  return y;
}

}  // namespace

Var Mul(const Var& a, const Var& b) {
  OHM_CHECK(a.shape() == b.shape() && a.value().dtype() == b.value().dtype(),
            "[mul] expected equal shapes and types, got " + a.shape().str() +
                " " + NameOf(a.value().dtype()) + " and " + b.shape().str() +
                " " + NameOf(b.value().dtype()));
  const Tensor left = a.value(), right = b.value();
  return Record("mul", Product(left, right), {a, b},
                [left, right](const BackwardCall& call) {
                  return std::vector{
                      call.Needs(0) ? Product(call.grad_out, right) : Tensor(),
                      call.Needs(1) ? Product(call.grad_out, left) : Tensor()};
                });
}

}  // namespace ohm
