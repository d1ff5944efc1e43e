// Accuracy over many chips of the same devices: each has draws of its own, and
// a network is judged by all of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/table.h"
#include "nn/models/model.h"
#include "train/config.h"
#include "train/evaluate.h"

namespace ohm::train {

struct ChipScore {
  int64_t chip = 0;  // its number, as in device.chip
  Score score;
  int64_t faulty_cells = 0;
};

// UsageError that names `key`, which asks for chips, where the config has no
// crossbar to be on one.
void CheckOnCrossbar(const Config& config, const std::string& key);

// Evaluates `model` on eval.chips chips, device.chip and on, with converter
// ranges as eval.calibrate says. Chips do not influence each other. Afterwards
// the model is on the last chip, with its ranges, but without the gains and
// batch norm statistics that adapt.gain and adapt.norm_batches fitted to it.
std::vector<ChipScore> EvaluateChips(const Config& config,
                                     const datasets::OpenedDataset& data,
                                     nn::Model* model);

std::vector<double> Top1Of(const std::vector<ChipScore>& scores);

}  // namespace ohm::train
