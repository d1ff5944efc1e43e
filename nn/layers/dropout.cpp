#include "nn/layers/dropout.h"

#include "core/base/check.h"
#include "core/ops/dropout.h"

namespace ohm::nn {

Dropout::Dropout(double share, std::string name)
    : share_(share), name_(std::move(name)) {
  OHM_CHECK(share >= 0 && share < 1,
            "[dropout] expected a share of at least 0 and below 1, got " +
                std::to_string(share));
}

Var Dropout::Forward(const Var& x, const Context& context) {
  if (!context.training || share_ == 0 || x.value().count() == 0) return x;
  const int64_t each = x.value().count() / x.shape()[0];  // of a sample
  return ohm::Dropout(x, share_, context.noise.Child(name_),
                      context.first_sample * each);
}

}  // namespace ohm::nn
