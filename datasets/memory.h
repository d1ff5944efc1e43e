// Images held in memory as bytes: what readers return, but for image files
// that are too many for it (image_folder.h).
#pragma once

#include <vector>

#include "datasets/dataset.h"

namespace ohm::datasets {

// images: u8 [count, height, width, 3]; one label each, checked against
// `classes` (Error names the first that is not in 0 .. classes - 1, and
// `source`).
class MemoryDataset : public Dataset {
 public:
  MemoryDataset(Tensor images, std::vector<int32_t> labels, int classes,
                const std::string& source);
  int64_t size() const override { return int64_t(labels_.size()); }
  Sample get(int64_t index) const override;
  int32_t label(int64_t index) const override { return labels_[size_t(index)]; }
  int classes() const override { return classes_; }

 private:
  Tensor images_;
  std::vector<int32_t> labels_;
  int classes_;
};

}  // namespace ohm::datasets
