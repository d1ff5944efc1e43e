// Data sets that are folders of image files, one folder per class.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace ohm::datasets {

// How image files become samples.
struct FileReading {
  int image_size = 32;  // all are brought to image_size x image_size
  // Sets whose decoded images need more than this are not kept in memory: each
  // image is decoded whenever it is asked for.
  int64_t memory_mib = 4096;
};

struct ImageFile {
  std::filesystem::path path;
  int32_t label;
};

// The images of `files`. Error where there are none, or one is broken (kept in
// memory: now, in parallel; else: by the get() that asks for it); `source`
// names them in messages.
DatasetPtr DecodeFiles(const std::vector<ImageFile>& files, int classes,
                       const FileReading& reading, const std::string& source);

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
TrainTest ReadImageFolder(const std::filesystem::path& root,
                          const FileReading& reading);

}  // namespace ohm::datasets
