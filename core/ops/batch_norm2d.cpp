#include "core/ops/batch_norm2d.h"

#include "core/base/check.h"
#include "core/kernels/batch_norm.h"

namespace ohm {
namespace {

void CheckShapes(const Var& x, const Var& scale, const Var& shift,
                 const Tensor& mean, const Tensor& variance) {
  OHM_CHECK(x.shape().rank() == 4,
            "[batch_norm2d] expected x [n, h, w, c], got " + x.shape().str());
  const Shape channels{x.shape()[3]};
  for (const Shape& shape :
       {scale.shape(), shift.shape(), mean.shape(), variance.shape()}) {
    OHM_CHECK(shape == channels,
              "[batch_norm2d] expected scale, shift, mean and variance " +
                  channels.str() + " for x " + x.shape().str() + ", got " +
                  shape.str());
  }
}

void Update(const RunningStatistics& running, const Tensor& mean,
            const Tensor& variance, int64_t samples) {
  const double unbias = double(samples) / double(samples - 1);
  const auto m = float(running.momentum);
  for (int64_t c = 0; c < mean.count(); ++c) {
    float& run_mean = running.mean->data()[c];
    float& run_variance = running.variance->data()[c];
    const auto batch_variance = float(double(variance.data()[c]) * unbias);
    run_mean += m * (mean.data()[c] - run_mean);
    run_variance += m * (batch_variance - run_variance);
  }
}

Var Apply(const Var& x, const Var& scale, const Var& shift,
          const kernels::ChannelStatistics& statistics, float eps,
          const AfterNorm& after, bool batch_statistics) {
  kernels::Normalisation norm{scale.value(), shift.value(), statistics, eps,
                              after.relu};
  const bool has_residual = after.residual.defined();
  OHM_CHECK(
      !has_residual || (after.residual.shape() == x.shape() &&
                        after.residual.value().dtype() == x.value().dtype()),
      std::string("[batch_norm2d] expected a residual like x ") +
          x.shape().str() + " of type " + NameOf(x.value().dtype()) + ", got " +
          after.residual.shape().str() + " of type " +
          NameOf(after.residual.value().dtype()));
  Tensor y = kernels::Normalise(
      x.value(), norm, has_residual ? after.residual.value() : Tensor());
  kernels::NormalisedOutput saved{x.value(), std::move(norm), batch_statistics,
                                  has_residual,
                                  has_residual && after.relu ? y : Tensor()};
  return Record(
      "batch_norm2d", std::move(y), {x, scale, shift, after.residual},
      [saved = std::move(saved)](BackwardCall& call) {
        auto grads = kernels::NormaliseBackward(
            saved, std::move(call.grad_out),
            {.x = call.Needs(0),
             .parameters = call.Needs(1) || call.Needs(2),
             .residual = call.Needs(3)});
        return std::vector{grads.x, grads.scale, grads.shift, grads.residual};
      });
}

}  // namespace

Var BatchNorm2d(const Var& x, const Var& scale, const Var& shift,
                const RunningStatistics& running, float eps,
                const AfterNorm& after) {
  CheckShapes(x, scale, shift, *running.mean, *running.variance);
  const int64_t samples = x.value().count() / x.shape()[3];
  OHM_CHECK(samples > 1,
            "[batch_norm2d] expected more than one value per channel in "
            "training, got x " +
                x.shape().str());
  const auto statistics = kernels::BatchStatistics(x.value());
  Update(running, statistics.mean, statistics.variance, samples);
  return Apply(x, scale, shift, statistics, eps, after, true);
}

Var BatchNorm2dGiven(const Var& x, const Var& scale, const Var& shift,
                     const Tensor& mean, const Tensor& variance, float eps,
                     const AfterNorm& after) {
  CheckShapes(x, scale, shift, mean, variance);
  return Apply(x, scale, shift, {mean, variance}, eps, after, false);
}

}  // namespace ohm
