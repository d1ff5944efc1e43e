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

Var RecordIt(Tensor y, const Var& x, const Var& scale, const Var& shift,
             const Tensor& mean, const Tensor& variance, float eps,
             bool batch_statistics) {
  return Record("batch_norm2d", std::move(y), {x, scale, shift},
                [x = x.value(), scale = scale.value(), mean, variance, eps,
                 batch_statistics](const BackwardCall& call) {
                  auto grads = kernels::BatchNormBackward(
                      x, scale, mean, variance, call.grad_out, eps,
                      batch_statistics);
                  return std::vector{grads.x, grads.scale, grads.shift};
                });
}

}  // namespace

Var BatchNorm2d(const Var& x, const Var& scale, const Var& shift,
                const RunningStatistics& running, float eps) {
  CheckShapes(x, scale, shift, *running.mean, *running.variance);
  const int64_t samples = x.value().count() / x.shape()[3];
  OHM_CHECK(samples > 1,
            "[batch_norm2d] expected more than one value per channel in "
            "training, got x " +
                x.shape().str());
  auto out =
      kernels::BatchNormTrain(x.value(), scale.value(), shift.value(), eps);
  Update(running, out.mean, out.variance, samples);
  return RecordIt(std::move(out.y), x, scale, shift, out.mean, out.variance,
                  eps, true);
}

Var BatchNorm2dGiven(const Var& x, const Var& scale, const Var& shift,
                     const Tensor& mean, const Tensor& variance, float eps) {
  CheckShapes(x, scale, shift, mean, variance);
  Tensor y = kernels::BatchNormGiven(x.value(), scale.value(), shift.value(),
                                     mean, variance, eps);
  return RecordIt(std::move(y), x, scale, shift, mean, variance, eps, false);
}

}  // namespace ohm
