#include <cstring>
#include <optional>

#include "core/kernels/conv2d.h"
#include "core/kernels/onednn_memory.h"

namespace ohm::kernels {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using Dims = memory::dims;

struct ConvProblem {
  Dims x, w, y, bias, strides, pads, dilations;
  memory::desc x_desc, y_desc, w_desc;  // as they lie in our memory
  // What oneDNN may choose: of the images' type, and f32 for a gradient.
  memory::desc any_w, any_gw;
};

// A convolution whose weights may want another layout than ours: oneDNN's
// kernels read and write blocked weights, which are small against the images.
struct ConvPrimitives {
  dnnl::primitive run;
  dnnl::reorder reorder;  // ours -> theirs, or theirs -> ours for grad weight
  memory::desc x, y, w_ours, w_theirs;
  bool reorders = false;
};

constexpr auto kF32 = memory::data_type::f32;

ConvProblem DescribeConv(const Shape& x, const Shape& w, const Shape& y,
                         const Conv2dSpec& spec, DType dtype) {
  const auto type = static_cast<memory::data_type>(OneDnnType(dtype));
  ConvProblem p;
  p.x_desc = NhwcDesc(x, dtype);
  p.y_desc = NhwcDesc(y, dtype);
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

// Uninitialised bytes for something of `desc`, `copies` times.
Tensor Room(const memory::desc& desc, int copies = 1) {
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

// The batch is cut into `parts` of equal size that are computed side by side,
// each into its own gradient; 1 = oneDNN spreads the batch over the threads.
struct GradWeightPlan {
  int parts = 1;
  ConvPrimitives conv;
  memory::desc scratch;  // of one part
};

// One part per thread for bf16. oneDNN's own threads work on each other's
// images there, and on 2 cores that do not share a cache that took 4.0 ms for
// a strided 16->32 convolution that one thread does in 1.9 (1.0 this way); the
// ResNet-20 step there fell from 99 to 93 ms. Its float32 kernel divides well.
// Every part writes a whole gradient, so that has to be small against the
// images.
int Parts(const Tensor& x, const Shape& w_shape) {
  const int threads = Threads();
  const int64_t written = threads * w_shape.count() * int64_t{sizeof(float)};
  const bool pays = x.dtype() == DType::kBF16 && x.shape()[0] % threads == 0 &&
                    4 * written <= int64_t(x.bytes());
  return pays ? threads : 1;
}

Shape PartOf(const Shape& images, int parts) {
  return {images[0] / parts, images[1], images[2], images[3]};
}

// As many threads as given while it lives, also where planning fails.
class ThreadsMeanwhile {
 public:
  explicit ThreadsMeanwhile(int threads) { SetThreads(threads); }
  ~ThreadsMeanwhile() { SetThreads(before_); }
  ThreadsMeanwhile(const ThreadsMeanwhile&) = delete;
  ThreadsMeanwhile& operator=(const ThreadsMeanwhile&) = delete;

 private:
  int before_ = Threads();
};

GradWeightPlan MakePlan(const ConvProblem& p, int parts) {
  using Backward = dnnl::convolution_backward_weights;
  // oneDNN plans for the threads it sees now: each part has one of them.
  std::optional<ThreadsMeanwhile> meanwhile(parts > 1 ? 1 : Threads());
  dnnl::primitive_attr attr;  // our scratch: parts run at the same time
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const Backward::primitive_desc pd(
      Backward::desc(dnnl::algorithm::convolution_direct, p.x_desc, p.any_gw,
                     p.y_desc, p.strides, p.dilations, p.pads, p.pads),
      attr, OneDnnEngine(), ConvForwardDesc(p, false));
  GradWeightPlan plan{
      parts,
      {Backward(pd), {}, p.x_desc, p.y_desc, p.w_desc, pd.diff_weights_desc()},
      pd.scratchpad_desc()};
  meanwhile.reset();
  PlanReorder(&plan.conv, true);
  return plan;
}

const GradWeightPlan& PlanFor(const Tensor& x, const Tensor& gy,
                              const Shape& w_shape, const Conv2dSpec& spec) {
  static OneDnnCache<GradWeightPlan> cache;
  return cache.Get(ConvKey(x.shape(), w_shape, spec, x.dtype(), false), [&] {
    const int parts = Parts(x, w_shape);
    return MakePlan(DescribeConv(PartOf(x.shape(), parts), w_shape,
                                 PartOf(gy.shape(), parts), spec, x.dtype()),
                    parts);
  });
}

void RunPart(const GradWeightPlan& plan, int64_t part, const Tensor& x,
             const Tensor& gy, const Tensor& gw, const Tensor& scratch) {
  const auto at = [part](const memory::desc& desc, const Tensor& t) {
    return Wrap(desc, t, part * static_cast<int64_t>(desc.get_size()));
  };
  plan.conv.run.execute(OneDnnStream(),
                        {{DNNL_ARG_SRC, at(plan.conv.x, x)},
                         {DNNL_ARG_DIFF_DST, at(plan.conv.y, gy)},
                         {DNNL_ARG_DIFF_WEIGHTS, at(plan.conv.w_theirs, gw)},
                         {DNNL_ARG_SCRATCHPAD, at(plan.scratch, scratch)}});
  OneDnnStream().wait();
}

// The first part becomes the sum of all, added in the order of the images.
void SumParts(const GradWeightPlan& plan, const Tensor& gw) {
  const auto count =
      static_cast<int64_t>(plan.conv.w_theirs.get_size() / sizeof(float));
  auto* sum = reinterpret_cast<float*>(const_cast<std::byte*>(gw.raw()));
  for (int part = 1; part < plan.parts; ++part) {
    const float* more = sum + part * count;
    for (int64_t i = 0; i < count; ++i) sum[i] += more[i];
  }
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

Tensor Conv2dGradWeight(const Tensor& x, const Tensor& gy, const Shape& w_shape,
                        const Conv2dSpec& spec) {
  const GradWeightPlan& plan = PlanFor(x, gy, w_shape, spec);
  const Tensor scratch = Room(plan.scratch, plan.parts);
  Tensor gw = Tensor::Empty(w_shape);
  const bool direct = plan.parts == 1 && !plan.conv.reorders;
  const Tensor theirs = direct ? gw : Room(plan.conv.w_theirs, plan.parts);
  const auto run = [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      RunPart(plan, part, x, gy, theirs, scratch);
    }
  };
  if (plan.parts == 1) {
    run(0, 1);  // outside ParallelFor: oneDNN brings its own threads
  } else {
    ParallelFor(plan.parts, 1, run);
  }
  if (direct) return gw;
  SumParts(plan, theirs);
  memory from = Wrap(plan.conv.w_theirs, theirs);
  memory to = Wrap(plan.conv.w_ours, gw);
  if (plan.conv.reorders) {
    plan.conv.reorder.execute(OneDnnStream(), from, to);
    OneDnnStream().wait();
  } else {
    std::memcpy(gw.raw(), theirs.raw(), gw.bytes());
  }
  return gw;
}
}  // namespace ohm::kernels
