#include "nn/models/lenet5.h"

#include "core/base/check.h"
#include "core/ops/flatten.h"
#include "core/ops/pool2d.h"
#include "core/ops/relu.h"
#include "nn/layers/conv2d.h"

namespace ohm::nn {
namespace {

class LeNet5 : public Model {
 public:
  LeNet5(const ModelSpec& spec, Key key) {
    // Two unpadded 5x5 convolutions, each followed by a halving.
    const int64_t side = ((spec.image_size - 4) / 2 - 4) / 2;
    OHM_CHECK(side >= 1, "[lenet5] expected images of at least 16x16, got " +
                             std::to_string(spec.image_size));
    conv1_ = Convolution("conv1", 3, 6, key);
    conv2_ = Convolution("conv2", 6, 16, key);
    fc1_ = Layer("fc1", 16 * side * side, 120, key);
    fc2_ = Layer("fc2", 120, 84, key);
    fc3_ = Layer("fc3", 84, spec.classes, key);
  }

  Var Forward(const Var& x, const Context& context) override {
    Var y = Halve(Relu(conv1_->Forward(x, context)));
    y = Halve(Relu(conv2_->Forward(y, context)));
    y = Relu(fc1_->Forward(ohm::Flatten(y), context));
    y = Relu(fc2_->Forward(y, context));
    return fc3_->Forward(y, context);
  }

  Linear& head() override { return *fc3_; }
  std::string head_path() const override { return "fc3"; }

 private:
  static Var Halve(const Var& x) {
    return Pool2d(x, kernels::PoolKind::kMax, Pool2dSpec{});
  }
  Conv2d* Convolution(const char* name, int64_t in, int64_t out, Key key) {
    return AddChild(name, std::make_unique<Conv2d>(Conv2dOptions{.in = in,
                                                                 .out = out,
                                                                 .kernel_h = 5,
                                                                 .kernel_w = 5,
                                                                 .bias = true},
                                                   key.Child(name)));
  }
  Linear* Layer(const char* name, int64_t in, int64_t out, Key key) {
    return AddChild(name, std::make_unique<Linear>(in, out, key.Child(name)));
  }

  Conv2d *conv1_, *conv2_;
  Linear *fc1_, *fc2_, *fc3_;
};

}  // namespace

std::unique_ptr<Model> MakeLeNet5(const ModelSpec& spec, Key key) {
  return std::make_unique<LeNet5>(spec, key);
}

}  // namespace ohm::nn
