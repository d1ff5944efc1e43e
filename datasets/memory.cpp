#include "datasets/memory.h"

#include <fmt/format.h>

#include "core/base/check.h"

namespace ohm::datasets {

MemoryDataset::MemoryDataset(Tensor images, std::vector<int32_t> labels,
                             int classes, const std::string& source)
    : images_(std::move(images)),
      labels_(std::move(labels)),
      classes_(classes) {
  OHM_CHECK(
      images_.dtype() == DType::kU8 && images_.shape().rank() == 4 &&
          images_.size(3) == 3 && images_.size(0) == size(),
      fmt::format("'{}': expected u8 images [{}, h, w, 3], got {} {}", source,
                  size(), NameOf(images_.dtype()), images_.shape().str()));
  for (size_t i = 0; i < labels_.size(); ++i) {
    OHM_CHECK(labels_[i] >= 0 && labels_[i] < classes_,
              fmt::format("'{}': expected labels in 0..{}, got {} for image {}",
                          source, classes_ - 1, labels_[i], i));
  }
}

Sample MemoryDataset::get(int64_t index) const {
  const Tensor one = images_.Slice(index, index + 1);
  return {one.Reshape({one.size(1), one.size(2), 3}), labels_[size_t(index)]};
}

}  // namespace ohm::datasets
