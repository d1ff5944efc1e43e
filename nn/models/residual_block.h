// The blocks of residual networks: He et al., "Deep Residual Learning" (CVPR
// 2016), figure 5.
#pragma once

#include <memory>
#include <string>

#include "nn/layers/batch_norm2d.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/sequential.h"

namespace ohm::nn {

// How x gets past a block that changes its shape.
struct Shortcut {
  // Empty: option A, every stride-th pixel and zeros for new channels. Else
  // option B: a 1x1 convolution and a batch norm, children of this name.
  std::string projection;
};

struct BlockSpec {
  int64_t in = 0, out = 0;  // channels of x and y
  int64_t stride = 1;
  Shortcut shortcut;
};

// What both blocks share: the way past the block.
class ResidualBlock : public Module {
 protected:
  explicit ResidualBlock(const BlockSpec& spec) : spec_(spec) {}
  // Call last in a constructor: a projection stands behind the other children,
  // as in PyTorch's modules. Draws its weights from key.Child("shortcut").
  void AddProjection(Key key);
  Var Past(const Var& x, const Context& context);

 private:
  BlockSpec spec_;
  Sequential* projection_ = nullptr;
};

// y = relu(past(x) + bn2(conv2(relu(bn1(conv1(x)))))), two 3x3 convolutions;
// the first has the stride. Children: conv1, bn1, conv2, bn2.
class BasicBlock : public ResidualBlock {
 public:
  BasicBlock(const BlockSpec& spec, Key key);
  Var Forward(const Var& x, const Context& context) override;

 private:
  Conv2d *conv1_, *conv2_;
  BatchNorm2d *bn1_, *bn2_;
};

// 1x1 down to out / 4 channels, 3x3 with the stride, 1x1 up again. (The paper
// has the stride in the first 1x1; torchvision, whose weights people load, in
// the 3x3.) Children: conv1, bn1, conv2, bn2, conv3, bn3.
class Bottleneck : public ResidualBlock {
 public:
  Bottleneck(const BlockSpec& spec, Key key);
  Var Forward(const Var& x, const Context& context) override;

 private:
  Conv2d *conv1_, *conv2_, *conv3_;
  BatchNorm2d *bn1_, *bn2_, *bn3_;
};

// `count` blocks one after the other: the first as `spec` says, the others
// keep its shape. Block i draws its weights from key.Child(i).
template <typename Block>
std::unique_ptr<Sequential> MakeStage(int count, BlockSpec spec, Key key) {
  auto stage = std::make_unique<Sequential>();
  for (int i = 0; i < count; ++i) {
    stage->Add(std::make_unique<Block>(spec, key.Child(uint64_t(i))));
    spec.in = spec.out;
    spec.stride = 1;
  }
  return stage;
}

}  // namespace ohm::nn
