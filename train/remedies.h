// What fits a network to a chip without touching its weights: factors behind
// the ADCs and batch normalisation statistics, as config.adapt asks for them.
#pragma once

#include <memory>
#include <vector>

#include "datasets/table.h"
#include "hw/shift_profile.h"
#include "nn/models/model.h"
#include "train/config.h"

namespace ohm::train {

// Puts the model onto a chip and fits what adapt.gain and adapt.norm_batches
// ask for on training images: gains as they come, statistics with augmentation,
// as those of training are; converter ranges are set anew, on the chip. Running
// statistics that the chip's own replace are the model's; NormStatistics brings
// them back.
void FitToChip(const Config& config, const datasets::OpenedDataset& data,
               const hw::DeviceSpec& device, nn::Model* model);

// The shifts of a calibrated model's sums between ideal devices, on which it
// is, and a chip of `device`, over adapt.profile_batches batches of training
// images; one profile per leaf on crossbars, in their order.
std::vector<hw::ShiftProfile> ProfileShifts(const Config& config,
                                            const datasets::OpenedDataset& data,
                                            const hw::DeviceSpec& device,
                                            nn::Model* model);

// The running statistics of all batch normalisations, to be brought back.
class NormStatistics {
 public:
  explicit NormStatistics(nn::Model* model);
  void Restore();

 private:
  std::vector<std::pair<Tensor*, Tensor>> kept_;
};

}  // namespace ohm::train
