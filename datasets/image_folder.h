// Data sets that are folders of image files, one folder per class.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace ohm::datasets {

struct ImageFile {
  std::filesystem::path path;
  int32_t label;
};

// Decodes all files (in parallel) to image_size x image_size. Error where there
// are none, or one is broken; `source` names them in messages.
DatasetPtr DecodeFiles(const std::vector<ImageFile>& files, int classes,
                       int image_size, const std::string& source);

// Names of the folders in `root`, sorted by bytes; hidden ones (".git") are
// passed over. Error if `root` is no folder or holds none.
std::vector<std::string> ListFolders(const std::filesystem::path& root);

// The JPEG, PNG, PPM and PGM files in `folder`, sorted by bytes. Error if
// there are none.
std::vector<std::filesystem::path> ListImages(
    const std::filesystem::path& folder);

struct TrainTest {
  DatasetPtr train, test;
};

// A folder with class folders in `train` and in `test` (or `val`): train's
// sorted names are the classes, test may lack some. Or class folders alone:
// then a fifth of every class, drawn by a fixed key, is the test set. Error
// where a class folder holds no images or test has a class that train has not.
TrainTest ReadImageFolder(const std::filesystem::path& root, int image_size);

}  // namespace ohm::datasets
