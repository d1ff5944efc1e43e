#include "core/kernels/onednn_conv_problem.h"

namespace ohm::kernels {
namespace {

using dnnl::algorithm;
using dnnl::memory;

ConvPrimitives MakeForward(const ConvProblem& p, bool bias) {
  const auto pd = ConvForwardDesc(p, bias);
  ConvPrimitives made{dnnl::convolution_forward(pd),
                      {},
                      p.x_desc,
                      p.y_desc,
                      p.w_desc,
                      pd.weights_desc()};
  PlanReorder(&made, false);
  return made;
}

ConvPrimitives MakeGradInput(const ConvProblem& p) {
  using Backward = dnnl::convolution_backward_data;
  const Backward::primitive_desc pd(
      Backward::desc(algorithm::convolution_direct, p.x_desc, p.any_w, p.y_desc,
                     p.strides, p.dilations, p.pads, p.pads),
      OneDnnEngine(), ConvForwardDesc(p, false));
  ConvPrimitives made{Backward(pd), {},       p.x_desc,
                      p.y_desc,     p.w_desc, pd.weights_desc()};
  PlanReorder(&made, false);
  return made;
}

// The weights in the layout that the primitive wants; `room` keeps them alive.
memory TheirWeights(const ConvPrimitives& p, const Tensor& w, Tensor* room) {
  if (!p.reorders) return Wrap(p.w_ours, w);
  *room = Room(p.w_theirs);
  memory ours = Wrap(p.w_ours, w), theirs = Wrap(p.w_theirs, *room);
  p.reorder.execute(OneDnnStream(), ours, theirs);
  return theirs;
}

}  // namespace

Tensor Conv2d(const Tensor& x, const Tensor& w, const Tensor& bias,
              const Conv2dSpec& spec) {
  static OneDnnCache<ConvPrimitives> cache;
  const Shape y_shape = Conv2dOutputShape(x.shape(), w.shape(), spec);
  const ConvPrimitives& p = cache.Get(
      ConvKey(x.shape(), w.shape(), spec, x.dtype(), bias.defined()), [&] {
        return MakeForward(
            DescribeConv(x.shape(), w.shape(), y_shape, spec, x.dtype()),
            bias.defined());
      });
  Tensor y = Tensor::Empty(y_shape, x.dtype()), room;
  std::unordered_map<int, memory> args{
      {DNNL_ARG_SRC, Wrap(p.x, x)},
      {DNNL_ARG_WEIGHTS, TheirWeights(p, w, &room)},
      {DNNL_ARG_DST, Wrap(p.y, y)}};
  if (bias.defined()) {
    args[DNNL_ARG_BIAS] =
        Wrap(memory::desc(Dims{bias.count()}, memory::data_type::f32,
                          memory::format_tag::a),
             bias);
  }
  p.run.execute(OneDnnStream(), args);
  OneDnnStream().wait();
  return y;
}

Tensor Conv2dGradInput(const Tensor& gy, const Tensor& w, const Shape& x_shape,
                       const Conv2dSpec& spec) {
  static OneDnnCache<ConvPrimitives> cache;
  const ConvPrimitives& p =
      cache.Get(ConvKey(x_shape, w.shape(), spec, gy.dtype(), false), [&] {
        return MakeGradInput(
            DescribeConv(x_shape, w.shape(), gy.shape(), spec, gy.dtype()));
      });
  Tensor gx = Tensor::Empty(x_shape, gy.dtype()), room;
  p.run.execute(OneDnnStream(), {{DNNL_ARG_DIFF_DST, Wrap(p.y, gy)},
                                 {DNNL_ARG_WEIGHTS, TheirWeights(p, w, &room)},
                                 {DNNL_ARG_DIFF_SRC, Wrap(p.x, gx)}});
  OneDnnStream().wait();
  return gx;
}

}  // namespace ohm::kernels
