// The IDX format of MNIST and Fashion-MNIST, plain or gzipped
// (yann.lecun.com/exdb/mnist): big-endian header, unsigned bytes.
#pragma once

#include <filesystem>

#include "datasets/dataset.h"

namespace ohm::datasets {

// `images` and `labels` name the files without ".gz"; whichever form is there
// is read, the plain one first. Gray is expanded to three equal channels. For
// an image_size of 32 or more, images smaller than 32x32 are put in the middle
// of 32x32 zeros (28 -> 32, as for LeNet-5) before they are resized, if they
// have to be; for a smaller image_size they are only resized. Error names the
// file: missing, not IDX, truncated, counts that differ, label out of range.
DatasetPtr ReadIdx(const std::filesystem::path& images,
                   const std::filesystem::path& labels, int classes,
                   int image_size);

}  // namespace ohm::datasets
