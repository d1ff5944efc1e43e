// CIFAR-10 and CIFAR-100 in their binary form: label bytes, then 3072 bytes of
// red, green and blue planes per record (www.cs.toronto.edu/~kriz/cifar.html).
#pragma once

#include <filesystem>
#include <vector>

#include "datasets/dataset.h"

namespace ohm::datasets {

// Reads files one after the other. label_bytes: 1 (CIFAR-10), or 2 (CIFAR-100:
// coarse, fine; the fine one counts). Error names the file where its size is
// not a whole number of records or a label is out of range.
DatasetPtr ReadCifar(const std::vector<std::filesystem::path>& files,
                     int label_bytes, int classes, int image_size);

}  // namespace ohm::datasets
