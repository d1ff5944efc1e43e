// Judging a network as config.eval says, told to people and as metrics.
#pragma once

#include <string>

#include "datasets/table.h"
#include "nn/models/model.h"
#include "train/config.h"
#include "train/run_folder.h"

namespace ohm::train {

// Reads the images of eval.split once; with eval.chips on each of so many chips
// (train/chips.h). Prints under the name `what` the accuracy and loss, of chips
// a table and their spread, and what a digital correction of stuck cells costs;
// returns the same numbers. Converter ranges that the model lacks are set
// first. UsageError where eval.chips is asked for without crossbars.
Metrics ReportEval(const Config& config, const std::string& what,
                   const datasets::OpenedDataset& data, nn::Model* model);

}  // namespace ohm::train
