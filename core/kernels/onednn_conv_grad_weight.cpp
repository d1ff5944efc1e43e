#include <cstring>

#include "core/kernels/onednn_conv_problem.h"

namespace ohm::kernels {
namespace {

using dnnl::memory;

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

GradWeightPlan MakePlan(const ConvProblem& p, int parts) {
  using Backward = dnnl::convolution_backward_weights;
  // oneDNN plans for the threads it sees now: each part has one of them.
  const int threads = Threads();
  if (parts > 1) SetThreads(1);
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
  if (parts > 1) SetThreads(threads);
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
