#include <dnnl.hpp>

#include "core/kernels/onednn_support.h"
#include "core/kernels/softmax.h"

namespace ohm::kernels {
namespace {

using dnnl::memory;

struct Primitives {
  dnnl::logsoftmax_forward run;
  memory::desc desc;
};

Primitives Make(int64_t rows, int64_t classes) {
  using Forward = dnnl::logsoftmax_forward;
  Primitives p;
  p.desc = {memory::dims{rows, classes}, memory::data_type::f32,
            memory::format_tag::ab};
  p.run = Forward(Forward::primitive_desc(
      Forward::desc(dnnl::prop_kind::forward_inference, p.desc, 1),
      OneDnnEngine()));
  return p;
}

}  // namespace

Tensor LogSoftmax(const Tensor& x) {
  static OneDnnCache<Primitives> cache;
  const Primitives& p = cache.Get({x.size(0), x.size(1)},
                                  [&] { return Make(x.size(0), x.size(1)); });
  Tensor y = Tensor::Empty(x.shape());
  p.run.execute(OneDnnStream(),
                {{DNNL_ARG_SRC, memory(p.desc, OneDnnEngine(),
                                       const_cast<std::byte*>(x.raw()))},
                 {DNNL_ARG_DST, memory(p.desc, OneDnnEngine(), y.raw())}});
  OneDnnStream().wait();
  return y;
}

}  // namespace ohm::kernels
