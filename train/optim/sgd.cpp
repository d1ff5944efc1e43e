#include "train/optim/sgd.h"

#include <utility>

#include "core/base/check.h"
#include "core/base/parallel.h"

namespace ohm::train {
namespace {

constexpr int64_t kGrain = 16384;

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
      for (int64_t i = begin; i < end; ++i) p[i] -= lr * (g[i] + decay * p[i]);
    });
    return;
  }
  float* m = (*update.slots)[0].data();
  const float momentum = momentum_;
  // p -= lr * (a * m + b * g) covers both forms in one loop.
  const float a = nesterov_ ? momentum : 1.0F;
  const float b = nesterov_ ? 1.0F : 0.0F;
  ParallelFor(update.count, kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float grad = g[i] + decay * p[i];
      m[i] = momentum * m[i] + grad;
      p[i] -= lr * (a * m[i] + b * grad);
    }
  });
}

}  // namespace ohm::train
