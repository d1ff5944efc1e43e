#include "nn/crossbar_policy.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/ops/mul.h"
#include "core/ops/reshape.h"
#include "hw/adc.h"
#include "hw/converters.h"
#include "hw/rewrite.h"
#include "nn/crossbar_conv2d.h"
#include "nn/layers/conv2d.h"

namespace ohm::nn {
namespace {

// The weight that the largest code of a backbone's layer stands for; of one
// that is all zero, which a task may still rewrite, any.
float CodeRange(const Tensor& backbone) {
  const float most = hw::MaxAbs(backbone);
  return most == 0 ? 1.0F : most;
}

// Of a layer's inputs.
float Largest(const Tensor& x, const std::string& path) {
  try {
    return hw::MaxAbs(x);
  } catch (const NotFinite& error) {
    throw NotFinite("'" + path + "', inputs: " + error.what());
  }
}

}  // namespace

CrossbarPolicy::CrossbarPolicy(std::string path, hw::CrossbarSpec spec,
                               const hw::TileMap& map)
    : path_(std::move(path)), spec_(spec) {
  hw::CheckSpec(spec_);
  if (!learns()) return;
  learned_range_ = Var(Tensor::Zeros({hw::AdcRangeCount(map, spec_)}),
                       /*requires_grad=*/true);
}

bool CrossbarPolicy::learns() const {
  return spec_.calibration == hw::Calibration::kLearned && spec_.adc_bits != 0;
}

bool CrossbarPolicy::calibrated() const {
  const bool adc = spec_.adc_bits == 0 || !hw::CalibratesAdc(spec_) ||
                   all_zero_ || AdcRanges().defined();
  return has_input_range() && adc;
}

void CrossbarPolicy::ClearCalibration() {
  input_range_ = Tensor();
  adc_range_ = Tensor();
  all_zero_ = false;
  if (learns() && untrained_) learned_range_.mutable_value().FillZero();
}

void CrossbarPolicy::WeightsReplaced(const Shape& weights) {
  adc_range_ = Tensor();
  written_ = {};
  all_zero_ = false;
  column_gain_ = Tensor();
  injection_ = {};
  SolveWiresAnew();
  if (!learns()) return;
  const hw::TileMap map(hw::MatrixOf(weights, /*groups=*/1), spec_);
  learned_range_.mutable_value() =
      Tensor::Zeros({hw::AdcRangeCount(map, spec_)});
  learned_range_.ClearGrad();
}

Tensor CrossbarPolicy::AdcRanges() const {
  if (!learns()) return adc_range_;
  const auto ranges = learned_range_.value().span();
  const bool set = std::ranges::any_of(ranges, [](float r) { return r != 0; });
  return set ? learned_range_.value() : Tensor();
}

hw::Ranges CrossbarPolicy::CurrentRanges() const {
  hw::Ranges ranges{input_range_.item(), {}};
  const Tensor adc = AdcRanges();
  if (!adc.defined()) return ranges;
  // An optimiser may carry a learned range across zero; its size counts.
  for (const float r : adc.span()) ranges.adc.push_back(std::fabs(r));
  return ranges;
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

void CrossbarPolicy::FollowAdc(const std::vector<float>& seen,
                               const Context& context) {
  if (!hw::CalibratesAdc(spec_)) return;
  Tensor ranges = AdcRanges();
  if (!ranges.defined()) {
    if (learns()) {
      std::ranges::copy(seen, learned_range_.mutable_value().span().begin());
      untrained_ = true;
      all_zero_ = std::ranges::all_of(seen, [](float r) { return r == 0; });
    } else {
      adc_range_ = Tensor::From({int64_t(seen.size())}, seen);
    }
    return;
  }
  OHM_CHECK(ranges.count() == int64_t(seen.size()),
            "[crossbar] '" + path_ + "': expected " +
                std::to_string(seen.size()) + " ADC ranges, got " +
                std::to_string(ranges.count()) +
                "; were they calibrated for arrays of another size?");
  if (learns() && !untrained_) return;
  for (size_t i = 0; i < seen.size(); ++i) {
    float& range = ranges.data()[i];
    if (context.calibrating) {
      range = std::max(range, seen[i]);
    } else {
      range += float(spec_.range_momentum) * (seen[i] - range);
    }
  }
}

std::shared_ptr<const hw::Programmed> CrossbarPolicy::Written(
    const Var& w, const hw::Writing& writing, const Conv2dSpec& conv,
    const Context& context) {
  const bool trains = context.training && w.requires_grad();
  const Tensor attenuation =
      context.training ? injection_.attenuation : Tensor();
  const auto write = [&](hw::FrozenWires* frozen) {
    hw::LayerOnChip chip;
    if (chip_ != nullptr) chip = *chip_;
    chip.derivatives = trains;
    hw::Writing on_chip = writing;
    on_chip.chip = &chip;
    on_chip.frozen = frozen;
    on_chip.attenuation = attenuation;
    return std::make_shared<const hw::Programmed>(
        hw::Program(w.value(), conv, spec_, on_chip));
  };
  if (trains) {  // writes them anew at each step
    const int64_t each = chip_ != nullptr ? chip_->device.wires.refresh : 1;
    if (steps_++ % each == 0) frozen_.clear();
    return write(&frozen_);
  }
  const uint64_t weights =
      ContentHash(w.value().data(), size_t(w.value().count()) * sizeof(float)) ^
      std::bit_cast<uint32_t>(writing.range) ^
      (writing.before != nullptr ? uint64_t{1} << 32 : 0) ^
      (attenuation.defined() ? uint64_t{1} << 33 : 0);
  if (written_.cells == nullptr || written_.weights != weights) {
    written_ = {weights, write(nullptr)};
  }
  return written_.cells;
}

MaskPass CrossbarPolicy::PassOf(const Context& context) const {
  return {context.training, context.noise.Child(path_).Child("mask")};
}

Var CrossbarPolicy::Gain(const Context& context) const {
  const Var gain = mask_ == nullptr ? Var() : mask_->Gain(PassOf(context));
  if (!column_gain_.defined()) return gain;
  return gain.defined() ? Mul(gain, Var(column_gain_)) : Var(column_gain_);
}

void CrossbarPolicy::CheckRanges(const hw::Programmed& cells,
                                 const hw::Ranges& ranges) const {
  const int64_t wanted = hw::AdcRangeCount(cells.map, spec_);
  OHM_CHECK(ranges.adc.empty() || !hw::CalibratesAdc(spec_) ||
                int64_t(ranges.adc.size()) == wanted,
            "[crossbar] '" + path_ + "': expected " + std::to_string(wanted) +
                " ADC ranges, got " + std::to_string(ranges.adc.size()) +
                "; they were calibrated for another crossbar, calibrate anew "
                "(model.recalibrate)");
}

void CrossbarPolicy::Watch(const Tensor& x, const Tensor& written,
                           const hw::Writing& writing, const Conv2dSpec& conv,
                           const hw::Programmed& cells,
                           const hw::Ranges& ranges,
                           const hw::PassNoise* noise) {
  if (statistics_ != nullptr && cells.lossless && counted_cells_ == nullptr) {
    // Slices and cycles are converted apart, which these cells are not.
    hw::Writing apart = writing;
    apart.chip = chip_.get();
    apart.shortcut = hw::Shortcut::kNever;
    counted_cells_ = std::make_shared<const hw::Programmed>(
        hw::Program(written, conv, spec_, apart));
  }
  if (statistics_ != nullptr) {
    hw::CollectStatistics(x, cells.lossless ? *counted_cells_ : cells, ranges,
                          noise, statistics_);
  }
  if (profile_ == nullptr) return;
  if (profile_cells_ == nullptr) {
    hw::Writing on_chip = writing;
    on_chip.chip = profile_chip_.get();
    profile_cells_ = std::make_shared<const hw::Programmed>(
        hw::Program(written, conv, spec_, on_chip));
  }
  profile_->Add(x, cells, *profile_cells_, ranges);
}

hw::Writing CrossbarPolicy::WritingOver(const Tensor& backbone) const {
  if (mask_ == nullptr || !mask_->rewrites()) return {};
  return {.range = CodeRange(backbone),
          .before = mask_->one_cell() ? &backbone : nullptr};
}

hw::PassNoise CrossbarPolicy::NoiseOf(const Context& context) const {
  // Chips differ in what their reads draw, too.
  const Key key = chip_ == nullptr ? Key().Child(path_) : chip_->key;
  hw::PassNoise noise{key.Child("reads").Child(context.noise.bits()),
                      context.first_sample,
                      {},
                      {}};
  if (context.training) {
    noise.shift = injection_.shift;
    noise.deviation = injection_.deviation;
  }
  return noise;
}

Var CrossbarPolicy::Conv2d(const Var& x, const Var& w, const Var& bias,
                           const Conv2dSpec& spec, const Context& context) {
  OHM_CHECK(calibrated() || context.calibrating || context.training,
            "[crossbar] '" + path_ +
                "' has no converter ranges; calibrate it on data first");
  const bool follows = context.calibrating || context.training;
  const float seen = follows ? Largest(x.value(), path_) : 0.0F;
  const bool first = !has_input_range();
  // The first batch ever, and all of calibration, run on ranges that include
  // the batch itself.
  if (first || context.calibrating) FollowInput(seen, context);
  hw::Ranges ranges = CurrentRanges();
  if (context.calibrating) ranges.adc.clear();

  hw::Observed observed;
  const bool observes = follows && hw::CalibratesAdc(spec_) &&
                        spec_.adc_bits != 0 &&
                        !(learns() && !ranges.adc.empty());
  const Var gain = Gain(context);
  const Var range = learns() && !ranges.adc.empty() ? learned_range_ : Var();
  if (context.training && range.defined() && range.requires_grad()) {
    untrained_ = false;  // the optimiser's from now on
  }
  const Var written = mask_ == nullptr ? w : mask_->Weights(w, PassOf(context));
  const hw::Writing writing = WritingOver(w.value());
  const auto cells = Written(written, writing, spec, context);
  CheckRanges(*cells, ranges);
  const hw::PassNoise noise = NoiseOf(context);
  const bool draws = cells->noise.defined() || noise.shift.defined() ||
                     noise.deviation.defined();
  const hw::PassNoise* drawn = draws ? &noise : nullptr;
  Watch(x.value(), written.value(), writing, spec, *cells, ranges, drawn);
  const Var y = CrossbarConv2d({x, written, gain, bias, range}, cells, ranges,
                               observes ? &observed : nullptr, drawn);
  pixels_ = y.shape()[1] * y.shape()[2];
  if (follows && !first && !context.calibrating) FollowInput(seen, context);
  if (observes) FollowAdc(observed.adc, context);
  return y;
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
  if (learns()) {
    parameters->push_back(
        {"crossbar.adc_range", Role::kAdcRange, learned_range_});
  } else if (hw::CalibratesAdc(spec_)) {
    buffers->push_back({"crossbar.adc_range", &adc_range_});
  }
  if (mask_ == nullptr) return;
  for (const NamedParameter& p : mask_->Parameters()) {
    parameters->push_back({"crossbar.mask." + p.name, p.role, p.var});
  }
}

bool EveryLeaf(const std::string& /*path*/, const WeightLayer& /*leaf*/) {
  return true;
}

namespace {

hw::TileMap MapOf(const WeightLayer& layer, const hw::CrossbarSpec& spec) {
  const auto* conv = dynamic_cast<const nn::Conv2d*>(&layer);
  const int64_t groups = conv != nullptr ? conv->spec().groups : 1;
  return {hw::MatrixOf(layer.weight().shape(), groups), spec};
}

}  // namespace

int MapToCrossbar(Module* model, const LeafPredicate& predicate,
                  const hw::CrossbarSpec& spec) {
  int mapped = 0;
  model->Visit([&](const std::string& path, Module& module) {
    auto* leaf = dynamic_cast<WeightLayer*>(&module);
    if (leaf == nullptr || !predicate(path, *leaf)) return;
    leaf->set_policy(
        std::make_shared<CrossbarPolicy>(path, spec, MapOf(*leaf, spec)));
    ++mapped;
  });
  return mapped;
}

std::shared_ptr<const hw::LayerOnChip> LayerChip(const hw::DeviceSpec& device,
                                                 const std::string& path) {
  return std::make_shared<const hw::LayerOnChip>(
      hw::LayerOnChip{device, hw::ChipKey(device).Child(path)});
}

void PutOnChip(Module* model, const hw::DeviceSpec& device) {
  for (const CrossbarLeaf& leaf : CrossbarLeaves(model)) {
    leaf.policy->set_chip(LayerChip(device, leaf.path));
  }
}

hw::TileMap CrossbarLeaf::Map() const { return MapOf(*layer, policy->spec()); }

MaskedLayer CrossbarLeaf::Masked() const {
  Tensor weights = layer->weight().value();
  if (weights.shape().rank() == 2) {  // as Linear hands them on
    weights = weights.Reshape({weights.size(0), 1, 1, weights.size(1)});
  }
  const hw::CrossbarSpec& spec = policy->spec();
  return {Map(), weights, hw::LargestWeight(spec), CodeRange(weights),
          hw::HasPairs(spec)};
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

void SolveWiresAnew(Module* model) {
  for (const auto& leaf : CrossbarLeaves(model)) leaf.policy->SolveWiresAnew();
}

void RangesAreTrained(Module* model) {
  for (const auto& leaf : CrossbarLeaves(model)) {
    leaf.policy->RangesAreTrained();
  }
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
