#include "nn/masks/threshold.h"

#include <cmath>
#include <vector>

#include "core/base/parallel.h"

namespace ohm::nn {
namespace {

// KSM's published code: beta / T = 1200 / 100, noise over T.
constexpr float kSlope = 12.0F, kNoise = 0.01F;
constexpr float kClipWidth = 0.1F;
constexpr int64_t kGrain = 8192;

double Gumbel(Key key, int64_t i) {
  constexpr double kTiny = 1e-8;
  return -std::log(-std::log(key.Uniform(uint64_t(i)) + kTiny) + kTiny);
}

// How far each score is above the threshold, in units of the surrogate.
Tensor Margins(const Tensor& scores, const Cut& cut, const MaskPass& pass) {
  Tensor u = Tensor::Empty(scores.shape());
  const bool noisy = cut.estimator == Estimator::kGumbel && pass.training;
  const Key plus = pass.noise.Child("gumbel+"),
            minus = pass.noise.Child("gumbel-");
  ParallelFor(u.count(), kGrain, [&](int64_t begin, int64_t end) {
    const float* from = scores.data();
    float* to = u.data();
    for (int64_t i = begin; i < end; ++i) {
      to[i] = kSlope * (from[i] - cut.threshold);
    }
    for (int64_t i = begin; noisy && i < end; ++i) {
      to[i] += kNoise * float(Gumbel(plus, i) - Gumbel(minus, i));
    }
  });
  return u;
}

float Slope(float u, Estimator estimator) {
  if (estimator == Estimator::kIdentity) return 1.0F;
  if (estimator == Estimator::kClipped) {
    return std::fabs(u) <= kSlope * kClipWidth ? 1.0F : 0.0F;
  }
  const float s = 1.0F / (1.0F + std::exp(-u));
  return kSlope * s * (1.0F - s);
}

}  // namespace

Var Binarize(const Var& scores, const Cut& cut, const MaskPass& pass) {
  const Tensor u = Margins(scores.value(), cut, pass);
  Tensor b = Tensor::Empty(u.shape());
  ParallelFor(b.count(), kGrain, [&](int64_t begin, int64_t end) {
    const float* from = u.data();
    float* to = b.data();
    for (int64_t i = begin; i < end; ++i) to[i] = from[i] > 0 ? 1.0F : 0.0F;
  });
  return Record("binarize", std::move(b), {scores},
                [u, estimator = cut.estimator](const BackwardCall& call) {
                  if (estimator == Estimator::kIdentity) {
                    return std::vector{call.grad_out};
                  }
                  Tensor g = call.grad_out.Clone();
                  for (int64_t i = 0; i < g.count(); ++i) {
                    g.data()[i] *= Slope(u.data()[i], estimator);
                  }
                  return std::vector{g};
                });
}

Var Ternarize(const Var& scores, float threshold) {
  Tensor m = Tensor::Empty(scores.shape());
  ParallelFor(m.count(), kGrain, [&](int64_t begin, int64_t end) {
    const float* from = scores.value().data();
    float* to = m.data();
    for (int64_t i = begin; i < end; ++i) {
      to[i] = from[i] < 0 ? -1.0F : from[i] > threshold ? 1.0F : 0.0F;
    }
  });
  return Record(
      "ternarize", std::move(m), {scores},
      [](const BackwardCall& call) { return std::vector{call.grad_out}; });
}

}  // namespace ohm::nn
