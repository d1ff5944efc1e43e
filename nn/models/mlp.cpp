#include "nn/models/mlp.h"

#include "core/ops/flatten.h"
#include "core/ops/relu.h"

namespace ohm::nn {
namespace {

constexpr int64_t kHidden = 256;

class Mlp : public Model {
 public:
  Mlp(const ModelSpec& spec, Key key) {
    const int64_t in = 3 * spec.image_size * spec.image_size;
    fc1_ = Layer("fc1", in, kHidden, key);
    fc2_ = Layer("fc2", kHidden, kHidden, key);
    fc3_ = Layer("fc3", kHidden, spec.classes, key);
  }

  Var Forward(const Var& x, const Context& context) override {
    Var y = Relu(fc1_->Forward(ohm::Flatten(x), context));
    y = Relu(fc2_->Forward(y, context));
    return fc3_->Forward(y, context);
  }

  Linear& head() override { return *fc3_; }
  std::string head_path() const override { return "fc3"; }

 private:
  Linear* Layer(const char* name, int64_t in, int64_t out, Key key) {
    return AddChild(name, std::make_unique<Linear>(in, out, key.Child(name)));
  }

  Linear *fc1_, *fc2_, *fc3_;
};

}  // namespace

std::unique_ptr<Model> MakeMlp(const ModelSpec& spec, Key key) {
  return std::make_unique<Mlp>(spec, key);
}

}  // namespace ohm::nn
