#include "nn/layers/conv2d.h"

#include "core/base/check.h"

namespace ohm::nn {
namespace {

Shape WeightShape(const Conv2dOptions& o) {
  OHM_CHECK(o.in >= 1 && o.out >= 1 && o.kernel_h >= 1 && o.kernel_w >= 1 &&
                o.spec.groups >= 1 && o.in % o.spec.groups == 0 &&
                o.out % o.spec.groups == 0,
            "[conv2d] expected positive sizes and groups that divide in and "
            "out channels, got in " +
                std::to_string(o.in) + ", out " + std::to_string(o.out) +
                ", groups " + std::to_string(o.spec.groups));
  return {o.out, o.kernel_h, o.kernel_w, o.in / o.spec.groups};
}

}  // namespace

Conv2d::Conv2d(const Conv2dOptions& options, Key key)
    : WeightLayer(Role::kConvWeight, KaimingNormal(WeightShape(options), key),
                  options.bias ? Tensor::Zeros({options.out}) : Tensor()),
      spec_(options.spec) {}

Var Conv2d::Forward(const Var& x, const Context& context) {
  return policy_->Conv2d(x, weight_, bias_, spec_, context);
}

std::unique_ptr<Conv2d> SquareConv2d(int64_t in, int64_t out, int64_t kernel,
                                     int64_t stride, int64_t pad, Key key) {
  return std::make_unique<Conv2d>(
      Conv2dOptions{.in = in,
                    .out = out,
                    .kernel_h = kernel,
                    .kernel_w = kernel,
                    .spec = Conv2dSpec::Square(stride, pad)},
      key);
}

}  // namespace ohm::nn
