
#include "core/base/check.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/matmul.h"
#include "core/kernels/onednn_memory.h"

namespace ohm::kernels {
namespace {

using dnnl::memory;

struct Primitives {
  dnnl::matmul run;
  memory::desc a, b, bias, y;
};

// A row-major matrix, seen transposed where asked.
memory::desc Matrix(int64_t rows, int64_t cols, Transpose transposed,
                    DType dtype) {
  const auto type = static_cast<memory::data_type>(OneDnnType(dtype));
  return transposed == Transpose::kYes
             ? memory::desc({rows, cols}, type, memory::dims{1, rows})
             : memory::desc({rows, cols}, type, memory::dims{cols, 1});
}

struct Types {
  DType operands, result;
};

Primitives Make(int64_t m, int64_t k, int64_t n, Transpose ta, Transpose tb,
                Types types, bool bias) {
  Primitives p;
  p.a = Matrix(m, k, ta, types.operands);
  p.b = Matrix(k, n, tb, types.operands);
  p.y = Matrix(m, n, Transpose::kNo, types.result);
  p.bias = Matrix(1, n, Transpose::kNo, DType::kF32);
  const auto desc = bias ? dnnl::matmul::desc(p.a, p.b, p.bias, p.y)
                         : dnnl::matmul::desc(p.a, p.b, p.y);
  p.run = dnnl::matmul({desc, OneDnnEngine()});
  return p;
}

}  // namespace

Tensor Matmul(const Tensor& a, Transpose ta, const Tensor& b, Transpose tb,
              DType result, const Tensor& bias) {
  static OneDnnCache<Primitives> cache;
  const bool a_turned = ta == Transpose::kYes, b_turned = tb == Transpose::kYes;
  const int64_t m = a.size(a_turned ? 1 : 0), k = a.size(a_turned ? 0 : 1);
  const int64_t n = b.size(b_turned ? 0 : 1);
  OHM_ASSERT(b.size(b_turned ? 1 : 0) == k);
  const Types types{a.dtype() == b.dtype() ? a.dtype() : DType::kBF16, result};
  const Primitives& p =
      cache.Get({m, k, n, a_turned, b_turned, int64_t(types.operands),
                 int64_t(result), bias.defined()},
                [&] { return Make(m, k, n, ta, tb, types, bias.defined()); });
  const Tensor a_given = Cast(a, types.operands);
  const Tensor b_given = Cast(b, types.operands);
  Tensor y = Tensor::Empty({m, n}, result);
  std::unordered_map<int, memory> args{{DNNL_ARG_SRC, Wrap(p.a, a_given)},
                                       {DNNL_ARG_WEIGHTS, Wrap(p.b, b_given)},
                                       {DNNL_ARG_DST, Wrap(p.y, y)}};
  if (bias.defined()) args[DNNL_ARG_BIAS] = Wrap(p.bias, bias);
  p.run.execute(OneDnnStream(), args);
  OneDnnStream().wait();
  return y;
}

}  // namespace ohm::kernels
