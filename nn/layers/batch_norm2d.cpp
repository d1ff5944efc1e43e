#include "nn/layers/batch_norm2d.h"

namespace ohm::nn {

BatchNorm2d::BatchNorm2d(int64_t channels)
    : weight_(AddParameter("weight", Role::kNormScale,
                           Tensor::Full({channels}, 1.0F))),
      bias_(AddParameter("bias", Role::kNormShift, Tensor::Zeros({channels}))),
      running_mean_(Tensor::Zeros({channels})),
      running_var_(Tensor::Full({channels}, 1.0F)) {
  AddBuffer("running_mean", &running_mean_);
  AddBuffer("running_var", &running_var_);
}

Var BatchNorm2d::Forward(const Var& x, const Context& context,
                         const AfterNorm& after) {
  if ((context.training || context.normalising) && mode_ == NormMode::kBatch) {
    return ohm::BatchNorm2d(x, weight_, bias_,
                            {&running_mean_, &running_var_, kMomentum}, kEps,
                            after);
  }
  return BatchNorm2dGiven(x, weight_, bias_, running_mean_, running_var_, kEps,
                          after);
}

}  // namespace ohm::nn
