#include "train/remedies.h"

#include "nn/crossbar_policy.h"
#include "train/evaluate.h"
#include "train/experiment.h"

namespace ohm::train {
namespace {

// Training images in an order of their own.
datasets::BatchStream Batches(const Config& config,
                              const datasets::OpenedDataset& data,
                              bool augment) {
  auto options = MakeBatchOptions(config, data, config.train.batch, augment,
                                  Key(uint64_t(config.train.seed)));
  options.shuffle = true;
  return {data.train, options};
}

void FitGains(const Config& config, const datasets::OpenedDataset& data,
              const hw::DeviceSpec& device, nn::Model* model) {
  nn::PutOnChip(model, hw::DeviceSpec{});
  nn::ClearCalibration(model);
  CalibrateIfNeeded(config, data, model);
  const auto profiles = ProfileShifts(config, data, device, model);
  size_t i = 0;
  for (const nn::CrossbarLeaf& leaf : nn::CrossbarLeaves(model)) {
    leaf.policy->set_column_gain(profiles[i++].Gain(config.adapt.gain));
  }
}

}  // namespace

std::vector<hw::ShiftProfile> ProfileShifts(const Config& config,
                                            const datasets::OpenedDataset& data,
                                            const hw::DeviceSpec& device,
                                            nn::Model* model) {
  const auto leaves = nn::CrossbarLeaves(model);
  std::vector<hw::ShiftProfile> profiles(leaves.size());
  for (size_t i = 0; i < leaves.size(); ++i) {
    leaves[i].policy->set_profile(&profiles[i],
                                  nn::LayerChip(device, leaves[i].path));
  }
  auto stream = Batches(config, data, false);
  RunBatches(model, &stream, config.adapt.profile_batches, {});
  for (const auto& leaf : leaves) leaf.policy->set_profile(nullptr, nullptr);
  return profiles;
}

void FitToChip(const Config& config, const datasets::OpenedDataset& data,
               const hw::DeviceSpec& device, nn::Model* model) {
  for (const nn::CrossbarLeaf& leaf : nn::CrossbarLeaves(model)) {
    leaf.policy->set_column_gain(Tensor());
  }
  if (config.adapt.gain != hw::FitPer::kNone) {
    FitGains(config, data, device, model);
  }
  nn::PutOnChip(model, device);
  nn::ClearCalibration(model);
  CalibrateIfNeeded(config, data, model);
  if (config.adapt.norm_batches == 0) return;
  auto stream = Batches(config, data, true);
  RunBatches(model, &stream, config.adapt.norm_batches, {.normalising = true});
  nn::ClearCalibration(model);
  CalibrateIfNeeded(config, data, model);
}

NormStatistics::NormStatistics(nn::Model* model) {
  for (const nn::NamedBuffer& buffer : model->Buffers()) {
    if (buffer.name.ends_with("running_mean") ||
        buffer.name.ends_with("running_var")) {
      kept_.emplace_back(buffer.tensor, buffer.tensor->Clone());
    }
  }
}

void NormStatistics::Restore() {
  for (auto& [tensor, values] : kept_) tensor->CopyFrom(values);
}

}  // namespace ohm::train
