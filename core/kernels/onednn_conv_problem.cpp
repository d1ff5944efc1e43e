#include "core/kernels/onednn_conv_problem.h"

namespace ohm::kernels {
namespace {

using dnnl::memory;
constexpr auto kF32 = memory::data_type::f32;

memory::desc NhwcDesc(const Shape& s, memory::data_type type) {
  return {Dims{s[0], s[3], s[1], s[2]}, type, memory::format_tag::nhwc};
}

}  // namespace

ConvProblem DescribeConv(const Shape& x, const Shape& w, const Shape& y,
                         const Conv2dSpec& spec, DType dtype) {
  const auto type = static_cast<memory::data_type>(OneDnnType(dtype));
  ConvProblem p;
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

std::vector<int64_t> ConvKey(const Shape& x, const Shape& w,
                             const Conv2dSpec& s, DType dtype, bool bias) {
  std::vector<int64_t> key(x.dims().begin(), x.dims().end());
  key.insert(key.end(), w.dims().begin(), w.dims().end());
  key.insert(key.end(), {s.stride_h, s.stride_w, s.pad_h, s.pad_w, s.dil_h,
                         s.dil_w, s.groups, int64_t(dtype), bias ? 1 : 0});
  return key;
}

void PlanReorder(ConvPrimitives* p, bool to_ours) {
  p->reorders = p->w_theirs != p->w_ours;
  if (!p->reorders) return;
  const auto& engine = OneDnnEngine();
  p->reorder =
      dnnl::reorder(to_ours ? dnnl::reorder::primitive_desc(engine, p->w_theirs,
                                                            engine, p->w_ours)
                            : dnnl::reorder::primitive_desc(
                                  engine, p->w_ours, engine, p->w_theirs));
}

memory Wrap(const memory::desc& desc, const Tensor& t, int64_t byte_offset) {
  return {desc, OneDnnEngine(), const_cast<std::byte*>(t.raw()) + byte_offset};
}

Tensor Room(const memory::desc& desc, int copies) {
  return Tensor::Empty({copies * static_cast<int64_t>(desc.get_size())},
                       DType::kU8);
}

dnnl::convolution_forward::primitive_desc ConvForwardDesc(const ConvProblem& p,
                                                          bool bias) {
  const auto kind = dnnl::prop_kind::forward_training;
  const auto alg = dnnl::algorithm::convolution_direct;
  using Forward = dnnl::convolution_forward;
  const memory::desc bias_desc(p.bias, kF32, memory::format_tag::a);
  const auto desc =
      bias ? Forward::desc(kind, alg, p.x_desc, p.any_w, bias_desc, p.y_desc,
                           p.strides, p.dilations, p.pads, p.pads)
           : Forward::desc(kind, alg, p.x_desc, p.any_w, p.y_desc, p.strides,
                           p.dilations, p.pads, p.pads);
  return {desc, OneDnnEngine()};
}

}  // namespace ohm::kernels
