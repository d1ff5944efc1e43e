#include "train/optim/adam.h"

#include <cmath>
#include <utility>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/kernels/simd.h"

namespace ohm::train {
namespace {

constexpr int64_t kGrain = 8192;

bool IsBeta(double beta) { return beta >= 0 && beta < 1; }

struct Coefficients {
  float beta1, beta2, rest1, rest2, rate, root, epsilon, decay, keep;
};

OHM_SIMD_CLONES void AdamLoop(float* __restrict p, const float* __restrict g,
                              float* __restrict m, float* __restrict v,
                              int64_t n, const Coefficients& c) {
  for (int64_t i = 0; i < n; ++i) {
    const float grad = g[i] + c.decay * p[i];
    m[i] = c.beta1 * m[i] + c.rest1 * grad;
    v[i] = c.beta2 * v[i] + c.rest2 * grad * grad;
    p[i] =
        c.keep * p[i] - c.rate * m[i] / (std::sqrt(v[i]) * c.root + c.epsilon);
  }
}

}  // namespace

Adam::Adam(std::vector<ParamGroup> groups, const OptimizerOptions& options)
    : Optimizer(std::move(groups), {"exp_avg", "exp_avg_sq"}, /*counts=*/true),
      options_(options) {
  OHM_CHECK(IsBeta(options.beta1) && IsBeta(options.beta2),
            "[adam] expected beta1 and beta2 in 0..1, got " +
                std::to_string(options.beta1) + " and " +
                std::to_string(options.beta2));
  OHM_CHECK(options.epsilon > 0, "[adam] expected epsilon above 0, got " +
                                     std::to_string(options.epsilon));
}

void Adam::Apply(const Update& update) {
  float* p = update.value;
  const float* g = update.grad;
  float* m = (*update.slots)[0].data();
  float* v = (*update.slots)[1].data();
  const int32_t steps = ++*(*update.slots)[2].data<int32_t>();

  const auto beta1 = static_cast<float>(options_.beta1);
  const auto beta2 = static_cast<float>(options_.beta2);
  const auto rest1 = static_cast<float>(1 - options_.beta1);
  const auto rest2 = static_cast<float>(1 - options_.beta2);
  const double correction1 = 1 - std::pow(options_.beta1, steps);
  const double correction2 = 1 - std::pow(options_.beta2, steps);
  const auto rate = static_cast<float>(update.lr / correction1);
  const auto root = static_cast<float>(1 / std::sqrt(correction2));
  const auto epsilon = static_cast<float>(options_.epsilon);
  const bool decoupled = options_.decoupled_decay;
  const auto decay = static_cast<float>(decoupled ? 0.0 : update.weight_decay);
  const auto keep =
      static_cast<float>(decoupled ? 1 - update.lr * update.weight_decay : 1.0);
  const Coefficients c{beta1, beta2,   rest1, rest2, rate,
                       root,  epsilon, decay, keep};
  ParallelFor(update.count, kGrain, [=](int64_t begin, int64_t end) {
    AdamLoop(p + begin, g + begin, m + begin, v + begin, end - begin, c);
  });
}

}  // namespace ohm::train
