#include "nn/models/vgg.h"

#include "core/base/check.h"
#include "nn/layers/batch_norm2d.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/dropout.h"
#include "nn/layers/sequential.h"
#include "nn/layers/simple.h"

namespace ohm::nn {
namespace {

constexpr int64_t kPool = 0;  // in a plan: a maximum, not a convolution
constexpr int64_t kPlanD[] = {64,  64,    kPool, 128,   128, kPool,
                              256, 256,   256,   kPool, 512, 512,
                              512, kPool, 512,   512,   512, kPool};

std::unique_ptr<Sequential> MakeFeatures(Key key) {
  auto features = std::make_unique<Sequential>();
  int64_t in = 3;
  uint64_t index = 0;
  for (const int64_t out : kPlanD) {
    if (out == kPool) {
      features->Add(std::make_unique<MaxPool2d>(Pool2dSpec{}));
      continue;
    }
    features->Add(
        std::make_unique<Conv2d>(Conv2dOptions{.in = in,
                                               .out = out,
                                               .spec = Conv2dSpec::Square(1, 1),
                                               .bias = true},
                                 key.Child(index++)));
    features->Add(std::make_unique<BatchNorm2d>(out));
    features->Add(std::make_unique<ReLU>());
    in = out;
  }
  return features;
}

class Vgg : public Model {
 public:
  Vgg(const ModelSpec& spec, Key key) {
    constexpr int64_t kHidden = 4096;
    constexpr double kDropped = 0.5;
    features_ = AddChild("features", MakeFeatures(key.Child("features")));
    const Key own = key.Child("classifier");
    auto classifier = std::make_unique<Sequential>();
    classifier->Add(
        std::make_unique<Linear>(512 * 7 * 7, kHidden, own.Child("0")));
    classifier->Add(std::make_unique<ReLU>());
    classifier->Add(std::make_unique<Dropout>(kDropped, "classifier.2"));
    classifier->Add(std::make_unique<Linear>(kHidden, kHidden, own.Child("3")));
    classifier->Add(std::make_unique<ReLU>());
    classifier->Add(std::make_unique<Dropout>(kDropped, "classifier.5"));
    head_ = classifier->Add(
        std::make_unique<Linear>(kHidden, spec.classes, own.Child("6")));
    classifier_ = AddChild("classifier", std::move(classifier));
  }

  Var Forward(const Var& x, const Context& context) override {
    const Var y = flatten_.Forward(features_->Forward(x, context), context);
    return classifier_->Forward(y, context);
  }

  Linear& head() override { return *head_; }
  std::string head_path() const override { return "classifier.6"; }

 private:
  Sequential *features_, *classifier_;
  Flatten flatten_;
  Linear* head_;
};

}  // namespace

std::unique_ptr<Model> MakeVgg16Bn(const ModelSpec& spec, Key key) {
  OHM_CHECK(spec.image_size == 224,
            "[vgg16_bn] expected images of 224x224, got " +
                std::to_string(spec.image_size));
  return std::make_unique<Vgg>(spec, key);
}

}  // namespace ohm::nn
