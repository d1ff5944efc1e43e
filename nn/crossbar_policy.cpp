#include "nn/crossbar_policy.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/ops/cast.h"
#include "core/ops/reshape.h"
#include "hw/converters.h"
#include "nn/crossbar_conv2d.h"
#include "nn/layers/conv2d.h"

namespace ohm::nn {

CrossbarPolicy::CrossbarPolicy(std::string path, hw::CrossbarSpec spec)
    : path_(std::move(path)), spec_(spec) {
  hw::CheckSpec(spec_);
}

void CrossbarPolicy::ClearCalibration() {
  input_range_ = Tensor();
  adc_range_ = Tensor();
}

hw::Ranges CrossbarPolicy::CurrentRanges() const {
  const auto adc = adc_range_.span();
  return {input_range_.item(), {adc.begin(), adc.end()}};
}

void CrossbarPolicy::FollowInput(float seen, const Context& context) {
  if (!input_range_.defined()) {
    input_range_ = Tensor::Full({1}, seen);
    return;
  }
  float& range = input_range_.data()[0];
  if (context.calibrating) {
    range = std::max(range, seen);
  } else {
    range += float(spec_.range_momentum) * (seen - range);
  }
}

void CrossbarPolicy::FollowTiles(const std::vector<float>& seen,
                                 const Context& context) {
  std::vector<float> values = seen;
  if (spec_.adc_range == hw::AdcRange::kLayer) {
    values = {*std::ranges::max_element(seen)};
  }
  if (!adc_range_.defined()) {
    adc_range_ = Tensor::From({int64_t(values.size())}, values);
    return;
  }
  OHM_CHECK(adc_range_.count() == int64_t(values.size()),
            "[crossbar] '" + path_ + "': expected " +
                std::to_string(values.size()) + " ADC ranges, got " +
                std::to_string(adc_range_.count()) +
                "; were they calibrated for arrays of another size?");
  for (size_t i = 0; i < values.size(); ++i) {
    float& range = adc_range_.data()[i];
    if (context.calibrating) {
      range = std::max(range, values[i]);
    } else {
      range += float(spec_.range_momentum) * (values[i] - range);
    }
  }
}

Var CrossbarPolicy::Conv2d(const Var& images, const Var& w, const Var& bias,
                           const Conv2dSpec& spec, const Context& context) {
  // Converters see f32; bf16 activations are widened, which loses nothing.
  const DType type = images.value().dtype();
  const Var x = Cast(images, DType::kF32);
  OHM_CHECK(calibrated() || context.calibrating || context.training,
            "[crossbar] '" + path_ +
                "' has no converter ranges; calibrate it on data first");
  const bool follows = context.calibrating || context.training;
  const float seen = follows ? hw::MaxAbs(x.value()) : 0.0F;
  const bool first = !calibrated();
  // The first batch ever, and all of calibration, run on ranges that include
  // the batch itself.
  if (first || context.calibrating) FollowInput(seen, context);
  hw::Ranges ranges{input_range_.item(), {}};
  if (!context.calibrating && adc_range_.defined()) ranges = CurrentRanges();

  hw::Observed observed;
  const Var gain = mask_ != nullptr ? mask_->Gain() : Var();
  const Var y =
      CrossbarConv2d({x, w, gain, bias}, hw::Program(w.value(), spec, spec_),
                     ranges, follows ? &observed : nullptr);
  if (follows) {
    if (!first && !context.calibrating) FollowInput(seen, context);
    FollowTiles(observed.tile_range, context);
  }
  return Cast(y, type);
}

Var CrossbarPolicy::Linear(const Var& x, const Var& w, const Var& bias,
                           const Context& context) {
  OHM_CHECK(x.shape().rank() == 2 && w.shape().rank() == 2,
            "[crossbar] '" + path_ +
                "': expected x [n, in] and weights "
                "[out, in], got " +
                x.shape().str() + " and " + w.shape().str());
  const Var image = Reshape(x, {x.shape()[0], 1, 1, x.shape()[1]});
  const Var kernel = Reshape(w, {w.shape()[0], 1, 1, w.shape()[1]});
  const Var y = Conv2d(image, kernel, bias, {}, context);
  return Reshape(y, {x.shape()[0], w.shape()[0]});
}

void CrossbarPolicy::List(std::vector<NamedParameter>* parameters,
                          std::vector<NamedBuffer>* buffers) {
  buffers->push_back({"crossbar.input_range", &input_range_});
  buffers->push_back({"crossbar.adc_range", &adc_range_});
  if (mask_ == nullptr) return;
  parameters->push_back({"crossbar.mask", Role::kMask, mask_->scores()});
}

bool EveryLeaf(const std::string& /*path*/, const WeightLayer& /*leaf*/) {
  return true;
}

int MapToCrossbar(Module* model, const LeafPredicate& predicate,
                  const hw::CrossbarSpec& spec) {
  int mapped = 0;
  model->Visit([&](const std::string& path, Module& module) {
    auto* leaf = dynamic_cast<WeightLayer*>(&module);
    if (leaf == nullptr || !predicate(path, *leaf)) return;
    leaf->set_policy(std::make_shared<CrossbarPolicy>(path, spec));
    ++mapped;
  });
  return mapped;
}

hw::TileMap CrossbarLeaf::Map() const {
  const auto* conv = dynamic_cast<const nn::Conv2d*>(layer);
  const int64_t groups = conv != nullptr ? conv->spec().groups : 1;
  return {hw::MatrixOf(layer->weight().shape(), groups), policy->spec().rows,
          policy->spec().columns};
}

hw::MappingReport CrossbarLeaf::Report() const {
  return hw::Report(Map(), policy->spec());
}

std::vector<CrossbarLeaf> CrossbarLeaves(Module* model) {
  std::vector<CrossbarLeaf> leaves;
  model->Visit([&](const std::string& path, Module& module) {
    auto* layer = dynamic_cast<WeightLayer*>(&module);
    if (layer == nullptr) return;
    auto* policy = dynamic_cast<CrossbarPolicy*>(&layer->policy());
    if (policy != nullptr) leaves.push_back({path, layer, policy});
  });
  return leaves;
}

bool OnCrossbar(Module* model) { return !CrossbarLeaves(model).empty(); }

bool IsCalibrated(Module* model) {
  return std::ranges::all_of(CrossbarLeaves(model), [](const auto& leaf) {
    return leaf.policy->calibrated();
  });
}

void ClearCalibration(Module* model) {
  for (const auto& leaf : CrossbarLeaves(model)) {
    leaf.policy->ClearCalibration();
  }
}

}  // namespace ohm::nn
