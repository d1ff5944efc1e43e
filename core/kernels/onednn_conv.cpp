#include <dnnl.hpp>

#include "core/kernels/conv2d.h"
#include "core/kernels/onednn_support.h"

namespace ohm::kernels {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using Dims = memory::dims;
constexpr auto kF32 = memory::data_type::f32;

struct Problem {
  Dims x, w, y, bias, strides, pads, dilations;
  memory::desc x_desc, y_desc, w_desc;  // as they lie in our memory
  // What oneDNN may choose: of the images' type, and f32 for a gradient.
  memory::desc any_w, any_gw;
};

memory::desc NhwcDesc(const Shape& s, memory::data_type type) {
  return {Dims{s[0], s[3], s[1], s[2]}, type, memory::format_tag::nhwc};
}

Problem Describe(const Shape& x, const Shape& w, const Shape& y,
                 const Conv2dSpec& spec, DType dtype) {
  const auto type = static_cast<memory::data_type>(OneDnnType(dtype));
  Problem p;
  p.x_desc = NhwcDesc(x, type);
  p.y_desc = NhwcDesc(y, type);
  const int64_t kh = w[1], kw = w[2], in = w[3], g = spec.groups;
  const int64_t out = w[0] / g;
  const Dims inner{kh * kw * in, 1, kw * in, in};
  if (g == 1) {
    p.w = {out, in, kh, kw};
    p.w_desc = memory::desc(p.w, kF32, inner);
  } else {
    p.w = {g, out, in, kh, kw};
    Dims strides{out * kh * kw * in};
    strides.insert(strides.end(), inner.begin(), inner.end());
    p.w_desc = memory::desc(p.w, kF32, strides);
  }
  p.any_w = memory::desc(p.w, type, memory::format_tag::any);
  p.any_gw = memory::desc(p.w, kF32, memory::format_tag::any);
  p.bias = {w[0]};
  p.strides = {spec.stride_h, spec.stride_w};
  p.pads = {spec.pad_h, spec.pad_w};
  p.dilations = {spec.dil_h - 1, spec.dil_w - 1};  // oneDNN: 0 = dense
  return p;
}

std::vector<int64_t> CacheKey(const Shape& x, const Shape& w,
                              const Conv2dSpec& s, DType dtype, bool bias) {
  std::vector<int64_t> key(x.dims().begin(), x.dims().end());
  key.insert(key.end(), w.dims().begin(), w.dims().end());
  key.insert(key.end(), {s.stride_h, s.stride_w, s.pad_h, s.pad_w, s.dil_h,
                         s.dil_w, s.groups, int64_t(dtype), bias ? 1 : 0});
  return key;
}

// A convolution whose weights may want another layout than ours: oneDNN's
// kernels read and write blocked weights, which are small against the images.
struct Primitives {
  dnnl::primitive run;
  dnnl::reorder reorder;  // ours -> theirs, or theirs -> ours for grad weight
  memory::desc x, y, w_ours, w_theirs;
  bool reorders = false;
};

void PlanReorder(Primitives* p, bool to_ours) {
  p->reorders = p->w_theirs != p->w_ours;
  if (!p->reorders) return;
  const auto& engine = OneDnnEngine();
  p->reorder =
      dnnl::reorder(to_ours ? dnnl::reorder::primitive_desc(engine, p->w_theirs,
                                                            engine, p->w_ours)
                            : dnnl::reorder::primitive_desc(
                                  engine, p->w_ours, engine, p->w_theirs));
}

memory Wrap(const memory::desc& desc, const Tensor& t) {
  return {desc, OneDnnEngine(), const_cast<std::byte*>(t.raw())};
}

Tensor Room(const memory::desc& desc) {
  return Tensor::Empty({static_cast<int64_t>(desc.get_size())}, DType::kU8);
}

dnnl::convolution_forward::primitive_desc ForwardDesc(const Problem& p,
                                                      bool bias) {
  const auto kind = dnnl::prop_kind::forward_training;
  const auto alg = algorithm::convolution_direct;
  using Forward = dnnl::convolution_forward;
  const memory::desc bias_desc(p.bias, kF32, memory::format_tag::a);
  const auto desc =
      bias ? Forward::desc(kind, alg, p.x_desc, p.any_w, bias_desc, p.y_desc,
                           p.strides, p.dilations, p.pads, p.pads)
           : Forward::desc(kind, alg, p.x_desc, p.any_w, p.y_desc, p.strides,
                           p.dilations, p.pads, p.pads);
  return {desc, OneDnnEngine()};
}

Primitives MakeForward(const Problem& p, bool bias) {
  const auto pd = ForwardDesc(p, bias);
  Primitives made{dnnl::convolution_forward(pd),
                  {},
                  p.x_desc,
                  p.y_desc,
                  p.w_desc,
                  pd.weights_desc()};
  PlanReorder(&made, false);
  return made;
}

Primitives MakeGradInput(const Problem& p) {
  using Backward = dnnl::convolution_backward_data;
  const Backward::primitive_desc pd(
      Backward::desc(algorithm::convolution_direct, p.x_desc, p.any_w, p.y_desc,
                     p.strides, p.dilations, p.pads, p.pads),
      OneDnnEngine(), ForwardDesc(p, false));
  Primitives made{Backward(pd), {},       p.x_desc,
                  p.y_desc,     p.w_desc, pd.weights_desc()};
  PlanReorder(&made, false);
  return made;
}

Primitives MakeGradWeight(const Problem& p) {
  using Backward = dnnl::convolution_backward_weights;
  const Backward::primitive_desc pd(
      Backward::desc(algorithm::convolution_direct, p.x_desc, p.any_gw,
                     p.y_desc, p.strides, p.dilations, p.pads, p.pads),
      OneDnnEngine(), ForwardDesc(p, false));
  Primitives made{Backward(pd), {},       p.x_desc,
                  p.y_desc,     p.w_desc, pd.diff_weights_desc()};
  PlanReorder(&made, true);
  return made;
}

// The weights in the layout that the primitive wants; `room` keeps them alive.
memory TheirWeights(const Primitives& p, const Tensor& w, Tensor* room) {
  if (!p.reorders) return Wrap(p.w_ours, w);
  *room = Room(p.w_theirs);
  memory ours = Wrap(p.w_ours, w), theirs = Wrap(p.w_theirs, *room);
  p.reorder.execute(OneDnnStream(), ours, theirs);
  return theirs;
}

}  // namespace

Tensor Conv2d(const Tensor& x, const Tensor& w, const Tensor& bias,
              const Conv2dSpec& spec) {
  static OneDnnCache<Primitives> cache;
  const Shape y_shape = Conv2dOutputShape(x.shape(), w.shape(), spec);
  const Primitives& p = cache.Get(
      CacheKey(x.shape(), w.shape(), spec, x.dtype(), bias.defined()), [&] {
        return MakeForward(
            Describe(x.shape(), w.shape(), y_shape, spec, x.dtype()),
            bias.defined());
      });
  Tensor y = Tensor::Empty(y_shape, x.dtype()), room;
  std::unordered_map<int, memory> args{
      {DNNL_ARG_SRC, Wrap(p.x, x)},
      {DNNL_ARG_WEIGHTS, TheirWeights(p, w, &room)},
      {DNNL_ARG_DST, Wrap(p.y, y)}};
  if (bias.defined()) {
    args[DNNL_ARG_BIAS] =
        Wrap({Dims{bias.count()}, kF32, memory::format_tag::a}, bias);
  }
  p.run.execute(OneDnnStream(), args);
  OneDnnStream().wait();
  return y;
}

Tensor Conv2dGradInput(const Tensor& gy, const Tensor& w, const Shape& x_shape,
                       const Conv2dSpec& spec) {
  static OneDnnCache<Primitives> cache;
  const Primitives& p =
      cache.Get(CacheKey(x_shape, w.shape(), spec, gy.dtype(), false), [&] {
        return MakeGradInput(
            Describe(x_shape, w.shape(), gy.shape(), spec, gy.dtype()));
      });
  Tensor gx = Tensor::Empty(x_shape, gy.dtype()), room;
  p.run.execute(OneDnnStream(), {{DNNL_ARG_DIFF_DST, Wrap(p.y, gy)},
                                 {DNNL_ARG_WEIGHTS, TheirWeights(p, w, &room)},
                                 {DNNL_ARG_DIFF_SRC, Wrap(p.x, gx)}});
  OneDnnStream().wait();
  return gx;
}

Tensor Conv2dGradWeight(const Tensor& x, const Tensor& gy, const Shape& w_shape,
                        const Conv2dSpec& spec) {
  static OneDnnCache<Primitives> cache;
  const Primitives& p =
      cache.Get(CacheKey(x.shape(), w_shape, spec, x.dtype(), false), [&] {
        return MakeGradWeight(
            Describe(x.shape(), w_shape, gy.shape(), spec, x.dtype()));
      });
  Tensor gw = Tensor::Empty(w_shape);
  const Tensor room = p.reorders ? Room(p.w_theirs) : gw;
  memory theirs = Wrap(p.w_theirs, room);
  p.run.execute(OneDnnStream(), {{DNNL_ARG_SRC, Wrap(p.x, x)},
                                 {DNNL_ARG_DIFF_DST, Wrap(p.y, gy)},
                                 {DNNL_ARG_DIFF_WEIGHTS, theirs}});
  if (p.reorders) {
    memory ours = Wrap(p.w_ours, gw);
    p.reorder.execute(OneDnnStream(), theirs, ours);
  }
  OneDnnStream().wait();
  return gw;
}

}  // namespace ohm::kernels
