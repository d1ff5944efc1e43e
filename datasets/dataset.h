// Data sets: size()/get(i) and small views on top of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/tensor/tensor.h"

namespace ohm::datasets {

// One labelled image. image: u8 [height, width, channels], values 0..255;
// channels is 3 for every set here (grayscale is expanded on reading).
struct Sample {
  Tensor image;
  int32_t label = 0;  // 0 .. classes - 1
};

// Immutable and safe to read from several threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual Sample get(int64_t index) const = 0;  // 0 <= index < size()
  // The label of get(index), without the cost of the image.
  virtual int32_t label(int64_t index) const = 0;
  virtual int classes() const = 0;
  // Samples of one group show the same thing (frames of one track): whoever
  // holds images out holds out the whole group. Each is its own by default.
  virtual int64_t group(int64_t index) const { return index; }
};

using DatasetPtr = std::shared_ptr<const Dataset>;

}  // namespace ohm::datasets
