#include "nn/models/resnet_cifar.h"

#include "core/base/check.h"
#include "core/ops/pool2d.h"
#include "nn/models/residual_block.h"

namespace ohm::nn {
namespace {

class ResNetCifar : public Model {
 public:
  ResNetCifar(int blocks, const ModelSpec& spec, Key key) {
    const int64_t width = spec.width;
    conv1_ =
        AddChild("conv1", SquareConv2d(3, width, 3, 1, 1, key.Child("conv1")));
    bn1_ = AddChild("bn1", std::make_unique<BatchNorm2d>(width));
    int64_t in = width;
    for (int stage = 0; stage < 3; ++stage) {
      const int64_t out = width << stage;
      const std::string name = "layer" + std::to_string(stage + 1);
      const BlockSpec first{
          in, out, stage > 0 ? 2 : 1, {spec.shortcut == 'b' ? "shortcut" : ""}};
      stages_.push_back(AddChild(
          name, MakeStage<BasicBlock>(blocks, first, key.Child(name))));
      in = out;
    }
    head_ = AddChild("linear", std::make_unique<Linear>(in, spec.classes,
                                                        key.Child("linear")));
  }

  Var Forward(const Var& x, const Context& context) override {
    Var y = bn1_->Forward(conv1_->Forward(x, context), context, {.relu = true});
    for (Sequential* stage : stages_) y = stage->Forward(y, context);
    return head_->Forward(GlobalAveragePool2d(y), context);
  }

  Linear& head() override { return *head_; }
  std::string head_path() const override { return "linear"; }

 private:
  Conv2d* conv1_;
  BatchNorm2d* bn1_;
  std::vector<Sequential*> stages_;
  Linear* head_;
};

}  // namespace

template <int depth>
std::unique_ptr<Model> MakeResNetCifar(const ModelSpec& spec, Key key) {
  static_assert((depth - 2) % 6 == 0);
  OHM_CHECK(spec.width >= 1 && (spec.shortcut == 'a' || spec.shortcut == 'b'),
            "[model] expected a width >= 1 and shortcut a or b, got " +
                std::to_string(spec.width) + " and '" +
                std::string(1, spec.shortcut) + "'");
  return std::make_unique<ResNetCifar>((depth - 2) / 6, spec, key);
}

template std::unique_ptr<Model> MakeResNetCifar<8>(const ModelSpec&, Key);
template std::unique_ptr<Model> MakeResNetCifar<20>(const ModelSpec&, Key);
template std::unique_ptr<Model> MakeResNetCifar<32>(const ModelSpec&, Key);
template std::unique_ptr<Model> MakeResNetCifar<44>(const ModelSpec&, Key);
template std::unique_ptr<Model> MakeResNetCifar<56>(const ModelSpec&, Key);

}  // namespace ohm::nn
