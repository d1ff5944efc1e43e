// Tells apart what was opened under one name.
#pragma once

#include <string>

#include "datasets/table.h"

namespace ohm::datasets {

// 16 hex digits over both splits' sizes and labels and 32 images of each,
// evenly spread: a part of a published set is another one, as is a folder whose
// classes or images changed (not every change of a single image is seen). Costs
// a pass over the labels and 64 images. Error where one cannot be read.
std::string Fingerprint(const OpenedDataset& data);

}  // namespace ohm::datasets
