
#include "core/kernels/onednn_memory.h"
#include "core/kernels/pool2d.h"

namespace ohm::kernels {
namespace {

using dnnl::memory;
using Forward = dnnl::pooling_v2_forward;
using Backward = dnnl::pooling_v2_backward;

struct Primitives {
  dnnl::primitive forward, backward;
  memory::desc x, y, workspace;
};

Primitives Make(const Shape& x, const Shape& y, DType dtype, PoolKind kind,
                const Pool2dSpec& s) {
  const auto alg = kind == PoolKind::kMax
                       ? dnnl::algorithm::pooling_max
                       : dnnl::algorithm::pooling_avg_include_padding;
  const memory::dims strides{s.stride_h, s.stride_w};
  const memory::dims kernel{s.kernel_h, s.kernel_w};
  const memory::dims pads{s.pad_h, s.pad_w};
  const memory::dims dilations{0, 0};
  Primitives p;
  p.x = NhwcDesc(x, dtype);
  p.y = NhwcDesc(y, dtype);
  const Forward::primitive_desc forward(
      Forward::desc(dnnl::prop_kind::forward_training, alg, p.x, p.y, strides,
                    kernel, dilations, pads, pads),
      OneDnnEngine());
  const Backward::primitive_desc backward(
      Backward::desc(alg, p.x, p.y, strides, kernel, dilations, pads, pads),
      OneDnnEngine(), forward);
  p.forward = Forward(forward);
  p.backward = Backward(backward);
  if (kind == PoolKind::kMax) p.workspace = forward.workspace_desc();
  return p;
}

const Primitives& Get(const Shape& x, DType dtype, PoolKind kind,
                      const Pool2dSpec& s) {
  static OneDnnCache<Primitives> cache;
  std::vector<int64_t> key(x.dims().begin(), x.dims().end());
  key.insert(key.end(), {s.kernel_h, s.kernel_w, s.stride_h, s.stride_w,
                         s.pad_h, s.pad_w, int64_t(dtype), int64_t(kind)});
  return cache.Get(std::move(key), [&] {
    return Make(x, Pool2dOutputShape(x, s), dtype, kind, s);
  });
}

}  // namespace

Tensor Pool2d(const Tensor& x, PoolKind kind, const Pool2dSpec& spec,
              Tensor* workspace) {
  const Primitives& p = Get(x.shape(), x.dtype(), kind, spec);
  Tensor y = Tensor::Empty(Pool2dOutputShape(x.shape(), spec), x.dtype()), room;
  std::unordered_map<int, memory> args{{DNNL_ARG_SRC, Wrap(p.x, x)},
                                       {DNNL_ARG_DST, Wrap(p.y, y)}};
  if (kind == PoolKind::kMax) {
    room = Tensor::Empty({static_cast<int64_t>(p.workspace.get_size())},
                         DType::kU8);
    args[DNNL_ARG_WORKSPACE] = Wrap(p.workspace, room);
  }
  p.forward.execute(OneDnnStream(), args);
  OneDnnStream().wait();
  if (workspace != nullptr) *workspace = room;
  return y;
}

Tensor Pool2dGradInput(const Tensor& gy, const Shape& x_shape, PoolKind kind,
                       const Pool2dSpec& spec, const Tensor& workspace) {
  const Primitives& p = Get(x_shape, gy.dtype(), kind, spec);
  Tensor gx = Tensor::Empty(x_shape, gy.dtype());
  std::unordered_map<int, memory> args{{DNNL_ARG_DIFF_DST, Wrap(p.y, gy)},
                                       {DNNL_ARG_DIFF_SRC, Wrap(p.x, gx)}};
  if (kind == PoolKind::kMax) {
    args[DNNL_ARG_WORKSPACE] = Wrap(p.workspace, workspace);
  }
  p.backward.execute(OneDnnStream(), args);
  OneDnnStream().wait();
  return gx;
}

}  // namespace ohm::kernels
