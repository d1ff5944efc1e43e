#include <dnnl.hpp>

#include "core/kernels/batch_norm.h"
#include "core/kernels/onednn_support.h"

namespace ohm::kernels {
namespace {

using dnnl::memory;
using dnnl::normalization_flags;
using Forward = dnnl::batch_normalization_forward;
using Backward = dnnl::batch_normalization_backward;
constexpr auto kF32 = memory::data_type::f32;

struct Primitives {
  dnnl::primitive forward, backward;
  memory::desc x, channels;
};

Primitives Make(const Shape& s, float eps, bool given_statistics) {
  Primitives p;
  p.x = {memory::dims{s[0], s[3], s[1], s[2]}, kF32, memory::format_tag::nhwc};
  p.channels = {memory::dims{s[3]}, kF32, memory::format_tag::a};
  auto flags = normalization_flags::use_scale | normalization_flags::use_shift;
  if (given_statistics) flags |= normalization_flags::use_global_stats;
  const auto kind = dnnl::prop_kind::forward_training;
  const Forward::primitive_desc forward(Forward::desc(kind, p.x, eps, flags),
                                        OneDnnEngine());
  const Backward::primitive_desc backward(
      Backward::desc(dnnl::prop_kind::backward, p.x, p.x, eps, flags),
      OneDnnEngine(), forward);
  p.forward = Forward(forward);
  p.backward = Backward(backward);
  return p;
}

const Primitives& Get(const Shape& s, float eps, bool given_statistics) {
  static OneDnnCache<Primitives> cache;
  std::vector<int64_t> key(s.dims().begin(), s.dims().end());
  key.insert(key.end(), {int64_t(double(eps) * 1e12), given_statistics});
  return cache.Get(std::move(key),
                   [&] { return Make(s, eps, given_statistics); });
}

memory Wrap(const memory::desc& desc, const Tensor& t) {
  return {desc, OneDnnEngine(), const_cast<std::byte*>(t.raw())};
}

Tensor Run(const Primitives& p, const Tensor& x, const Tensor& scale,
           const Tensor& shift, const Tensor& mean, const Tensor& variance) {
  Tensor y = Tensor::Empty(x.shape());
  p.forward.execute(OneDnnStream(),
                    {{DNNL_ARG_SRC, Wrap(p.x, x)},
                     {DNNL_ARG_DST, Wrap(p.x, y)},
                     {DNNL_ARG_SCALE, Wrap(p.channels, scale)},
                     {DNNL_ARG_SHIFT, Wrap(p.channels, shift)},
                     {DNNL_ARG_MEAN, Wrap(p.channels, mean)},
                     {DNNL_ARG_VARIANCE, Wrap(p.channels, variance)}});
  OneDnnStream().wait();
  return y;
}

}  // namespace

BatchNormOutput BatchNormTrain(const Tensor& x, const Tensor& scale,
                               const Tensor& shift, float eps) {
  Tensor mean = Tensor::Empty({x.size(3)}),
         variance = Tensor::Empty({x.size(3)});
  Tensor y = Run(Get(x.shape(), eps, false), x, scale, shift, mean, variance);
  return {y, mean, variance};
}

Tensor BatchNormGiven(const Tensor& x, const Tensor& scale, const Tensor& shift,
                      const Tensor& mean, const Tensor& variance, float eps) {
  return Run(Get(x.shape(), eps, true), x, scale, shift, mean, variance);
}

BatchNormGrads BatchNormBackward(const Tensor& x, const Tensor& scale,
                                 const Tensor& mean, const Tensor& variance,
                                 const Tensor& gy, float eps,
                                 bool batch_statistics) {
  const Primitives& p = Get(x.shape(), eps, !batch_statistics);
  BatchNormGrads grads{Tensor::Empty(x.shape()), Tensor::Empty(scale.shape()),
                       Tensor::Empty(scale.shape())};
  p.backward.execute(OneDnnStream(),
                     {{DNNL_ARG_SRC, Wrap(p.x, x)},
                      {DNNL_ARG_MEAN, Wrap(p.channels, mean)},
                      {DNNL_ARG_VARIANCE, Wrap(p.channels, variance)},
                      {DNNL_ARG_DIFF_DST, Wrap(p.x, gy)},
                      {DNNL_ARG_SCALE, Wrap(p.channels, scale)},
                      // Demanded by oneDNN 2.6.3, though no value is read.
                      {DNNL_ARG_SHIFT, Wrap(p.channels, scale)},
                      {DNNL_ARG_DIFF_SRC, Wrap(p.x, grads.x)},
                      {DNNL_ARG_DIFF_SCALE, Wrap(p.channels, grads.scale)},
                      {DNNL_ARG_DIFF_SHIFT, Wrap(p.channels, grads.shift)}});
  OneDnnStream().wait();
  return grads;
}

}  // namespace ohm::kernels
