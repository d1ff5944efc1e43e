// Tiny-ImageNet in its published layout (cs231n.stanford.edu).
#pragma once

#include <filesystem>

#include "datasets/image_folder.h"

namespace ohm::datasets {

// Training images are in root/train/<wnid>/images; the folders there, sorted,
// are the classes. The published validation images, root/val/images with their
// classes in root/val/val_annotations.txt (tabs), are the test set; images of
// other classes and names whose file is absent are passed over. Error names
// file and line where a row is malformed.
TrainTest ReadTinyImageNet(const std::filesystem::path& root,
                           const FileReading& reading);

}  // namespace ohm::datasets
