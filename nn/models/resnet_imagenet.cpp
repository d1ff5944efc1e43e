#include "nn/models/resnet_imagenet.h"

#include <array>

#include "core/base/check.h"
#include "core/ops/pool2d.h"
#include "nn/models/residual_block.h"

namespace ohm::nn {
namespace {

struct Plan {
  std::array<int, 4> blocks;
  bool bottleneck;
};

class ResNetImageNet : public Model {
 public:
  ResNetImageNet(const Plan& plan, const ModelSpec& spec, Key key) {
    constexpr int64_t kWidth = 64;
    conv1_ =
        AddChild("conv1", SquareConv2d(3, kWidth, 7, 2, 3, key.Child("conv1")));
    bn1_ = AddChild("bn1", std::make_unique<BatchNorm2d>(kWidth));
    int64_t in = kWidth;
    for (int stage = 0; stage < 4; ++stage) {
      const int64_t out = (kWidth << stage) * (plan.bottleneck ? 4 : 1);
      const std::string name = "layer" + std::to_string(stage + 1);
      const BlockSpec first{in, out, stage > 0 ? 2 : 1, {"downsample"}};
      const int blocks = plan.blocks[size_t(stage)];
      stages_.push_back(AddChild(
          name, plan.bottleneck
                    ? MakeStage<Bottleneck>(blocks, first, key.Child(name))
                    : MakeStage<BasicBlock>(blocks, first, key.Child(name))));
      in = out;
    }
    head_ = AddChild(
        "fc", std::make_unique<Linear>(in, spec.classes, key.Child("fc")));
  }

  Var Forward(const Var& x, const Context& context) override {
    Var y = bn1_->Forward(conv1_->Forward(x, context), context, {.relu = true});
    y = Pool2d(y, kernels::PoolKind::kMax, {3, 3, 2, 2, 1, 1});
    for (Sequential* stage : stages_) y = stage->Forward(y, context);
    return head_->Forward(GlobalAveragePool2d(y), context);
  }

  Linear& head() override { return *head_; }
  std::string head_path() const override { return "fc"; }

 private:
  Conv2d* conv1_;
  BatchNorm2d* bn1_;
  std::vector<Sequential*> stages_;
  Linear* head_;
};

}  // namespace

template <int depth>
std::unique_ptr<Model> MakeResNetImageNet(const ModelSpec& spec, Key key) {
  static_assert(depth == 18 || depth == 34 || depth == 50);
  OHM_CHECK(spec.image_size >= 32,
            "[resnet" + std::to_string(depth) +
                "] expected images of at least 32x32, got " +
                std::to_string(spec.image_size));
  const Plan plan{depth == 18 ? std::array{2, 2, 2, 2} : std::array{3, 4, 6, 3},
                  depth == 50};
  return std::make_unique<ResNetImageNet>(plan, spec, key);
}

template std::unique_ptr<Model> MakeResNetImageNet<18>(const ModelSpec&, Key);
template std::unique_ptr<Model> MakeResNetImageNet<34>(const ModelSpec&, Key);
template std::unique_ptr<Model> MakeResNetImageNet<50>(const ModelSpec&, Key);

}  // namespace ohm::nn
