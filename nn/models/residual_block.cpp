#include "nn/models/residual_block.h"

#include "core/ops/subsample_pad.h"

namespace ohm::nn {

void ResidualBlock::AddProjection(Key key) {
  const bool changes = spec_.stride != 1 || spec_.in != spec_.out;
  if (!changes || spec_.shortcut.projection.empty()) return;
  auto projection = std::make_unique<Sequential>();
  projection->Add(SquareConv2d(spec_.in, spec_.out, 1, spec_.stride, 0,
                               key.Child("shortcut")));
  projection->Add(std::make_unique<BatchNorm2d>(spec_.out));
  projection_ = AddChild(spec_.shortcut.projection, std::move(projection));
}

Var ResidualBlock::Past(const Var& x, const Context& context) {
  if (projection_ != nullptr) return projection_->Forward(x, context);
  if (spec_.stride == 1 && spec_.in == spec_.out) return x;
  const int64_t before = (spec_.out - spec_.in) / 2;
  return SubsamplePad(x, spec_.stride, before, spec_.out - spec_.in - before);
}

BasicBlock::BasicBlock(const BlockSpec& spec, Key key) : ResidualBlock(spec) {
  conv1_ = AddChild("conv1", SquareConv2d(spec.in, spec.out, 3, spec.stride, 1,
                                          key.Child("conv1")));
  bn1_ = AddChild("bn1", std::make_unique<BatchNorm2d>(spec.out));
  conv2_ = AddChild(
      "conv2", SquareConv2d(spec.out, spec.out, 3, 1, 1, key.Child("conv2")));
  bn2_ = AddChild("bn2", std::make_unique<BatchNorm2d>(spec.out));
  AddProjection(key);
}

Var BasicBlock::Forward(const Var& x, const Context& context) {
  const Var y =
      bn1_->Forward(conv1_->Forward(x, context), context, {.relu = true});
  return bn2_->Forward(conv2_->Forward(y, context), context,
                       {.residual = Past(x, context), .relu = true});
}

Bottleneck::Bottleneck(const BlockSpec& spec, Key key) : ResidualBlock(spec) {
  const int64_t narrow = spec.out / 4;
  conv1_ = AddChild("conv1",
                    SquareConv2d(spec.in, narrow, 1, 1, 0, key.Child("conv1")));
  bn1_ = AddChild("bn1", std::make_unique<BatchNorm2d>(narrow));
  conv2_ = AddChild("conv2", SquareConv2d(narrow, narrow, 3, spec.stride, 1,
                                          key.Child("conv2")));
  bn2_ = AddChild("bn2", std::make_unique<BatchNorm2d>(narrow));
  conv3_ = AddChild(
      "conv3", SquareConv2d(narrow, spec.out, 1, 1, 0, key.Child("conv3")));
  bn3_ = AddChild("bn3", std::make_unique<BatchNorm2d>(spec.out));
  AddProjection(key);
}

Var Bottleneck::Forward(const Var& x, const Context& context) {
  Var y = bn1_->Forward(conv1_->Forward(x, context), context, {.relu = true});
  y = bn2_->Forward(conv2_->Forward(y, context), context, {.relu = true});
  return bn3_->Forward(conv3_->Forward(y, context), context,
                       {.residual = Past(x, context), .relu = true});
}

}  // namespace ohm::nn
