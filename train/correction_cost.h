// What the digital correction of stuck cells costs (hw.stuck_correction).
#pragma once

#include <cstdint>
#include <string>

#include "nn/module.h"
#include "train/run_folder.h"

namespace ohm::train {

// Of all layers on crossbars. A multiply-add counts for one image.
struct CorrectionCost {
  int64_t weights = 0;
  int64_t corrected = 0;  // weights that something is added for
  int64_t analog = 0;     // multiply-adds of all weights, in arrays
  int64_t digital = 0;    // multiply-adds of corrected weights, beside them
};

// Of the cells of the last evaluation; Error where there was none.
CorrectionCost CostOfCorrection(nn::Module* model);

std::string CostText(const CorrectionCost& cost);  // a sentence
Metrics CostNumbers(const CorrectionCost& cost);

}  // namespace ohm::train
