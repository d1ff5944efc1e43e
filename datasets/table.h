// All data sets by name.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace ohm::datasets {

struct OpenOptions {
  std::string root{};         // holds the published folders
  uint64_t seed = 1;          // of procedural sets
  int image_size = 32;        // what all images are brought to
  int64_t memory_mib = 4096;  // image files: see FileReading
  int64_t train_count = 8000, test_count = 2000;  // of procedural sets
};

struct OpenedDataset {
  DatasetPtr train, test;
  int classes = 0;
  // Usual normalisation: of red, green, blue / 255.
  std::array<float, 3> mean{0, 0, 0}, std{1, 1, 1};
};

struct Normalisation {
  std::array<float, 3> mean, std;
};

struct DatasetRow {
  const char* name;
  const char* folder;  // below the root; "" where none is needed
  int classes;         // 0: as many as the folder has
  const char* help;    // one sentence
  Normalisation normalisation;
  OpenedDataset (*open)(const DatasetRow& row, const OpenOptions& options);
};

const std::vector<DatasetRow>& Table();

// Reads (or draws) the whole set into memory. Error in one sentence, naming the
// path, where the folder is missing or a file is broken; UsageError where the
// name is unknown.
OpenedDataset Open(const std::string& name, const OpenOptions& options);

}  // namespace ohm::datasets
