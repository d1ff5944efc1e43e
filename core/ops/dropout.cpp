#include "core/ops/dropout.h"

#include "core/base/parallel.h"
#include "core/kernels/float_type.h"

namespace ohm {
namespace {

Tensor Thin(const Tensor& x, double share, Key key, int64_t first) {
  constexpr int64_t kGrain = 1024;
  const auto scale = float(1.0 / (1.0 - share));
  Tensor y = Tensor::Empty(x.shape(), x.dtype());
  kernels::VisitFloatType(x.dtype(), [&]<typename T>(T) {
    const T* px = x.data<T>();
    T* py = y.data<T>();
    ParallelFor(x.count(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const bool stays = key.Uniform(uint64_t(first + i)) >= share;
        py[i] = stays ? FromFloat<T>(ToFloat(px[i]) * scale) : T{};
      }
    });
  });
  return y;
}

}  // namespace

Var Dropout(const Var& x, double share, Key key, int64_t first) {
  return Record("dropout", Thin(x.value(), share, key, first), {x},
                [share, key, first](const BackwardCall& call) {
                  return std::vector{Thin(call.grad_out, share, key, first)};
                });
}

}  // namespace ohm
