#include "train/optim/sgd.h"

#include <utility>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/kernels/simd.h"

namespace ohm::train {
namespace {

constexpr int64_t kGrain = 16384;

struct Coefficients {
  float lr, decay, momentum;
  // p -= lr * (a * m + b * g) covers plain and Nesterov momentum in one loop.
  float a, b;
};

OHM_SIMD_CLONES void PlainLoop(float* __restrict p, const float* __restrict g,
                               int64_t n, float lr, float decay) {
  for (int64_t i = 0; i < n; ++i) p[i] -= lr * (g[i] + decay * p[i]);
}

// Decay, momentum and update in one pass.
OHM_SIMD_CLONES void MomentumLoop(float* __restrict p,
                                  const float* __restrict g,
                                  float* __restrict m, int64_t n,
                                  const Coefficients& c) {
  for (int64_t i = 0; i < n; ++i) {
    const float grad = g[i] + c.decay * p[i];
    m[i] = c.momentum * m[i] + grad;
    p[i] -= c.lr * (c.a * m[i] + c.b * grad);
  }
}

std::vector<std::string> SlotNames(const OptimizerOptions& options) {
  if (options.momentum == 0) return {};
  return {"momentum"};
}

}  // namespace

Sgd::Sgd(std::vector<ParamGroup> groups, const OptimizerOptions& options)
    : Optimizer(std::move(groups), SlotNames(options), /*counts=*/false),
      momentum_(static_cast<float>(options.momentum)),
      nesterov_(options.nesterov) {
  OHM_CHECK(options.momentum >= 0 && options.momentum < 1,
            "[sgd] expected momentum in 0..1, got " +
                std::to_string(options.momentum));
  OHM_CHECK(!nesterov_ || momentum_ > 0,
            "[sgd] expected a momentum above 0 with nesterov, got 0");
}

void Sgd::Apply(const Update& update) {
  float* p = update.value;
  const float* g = update.grad;
  const auto lr = static_cast<float>(update.lr);
  const auto decay = static_cast<float>(update.weight_decay);
  if (momentum_ == 0) {
    ParallelFor(update.count, kGrain, [=](int64_t begin, int64_t end) {
      PlainLoop(p + begin, g + begin, end - begin, lr, decay);
    });
    return;
  }
  float* m = (*update.slots)[0].data();
  const Coefficients c{lr, decay, momentum_, nesterov_ ? momentum_ : 1.0F,
                       nesterov_ ? 1.0F : 0.0F};
  ParallelFor(update.count, kGrain, [=](int64_t begin, int64_t end) {
    MomentumLoop(p + begin, g + begin, m + begin, end - begin, c);
  });
}

}  // namespace ohm::train
