// From samples to normalised batches, prepared ahead by worker threads.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "core/base/random.h"
#include "datasets/dataset.h"

namespace ohm::datasets {

struct Batch {
  Tensor images;  // f32 [n, h, w, 3], normalised
  std::vector<int32_t> labels;
};

enum class LastBatch : uint8_t {
  kKeep,  // the last batch may be smaller
  kSkip,  // samples that fill no batch are left out of the epoch
};

// What a crop shows where it reaches beyond the image.
enum class CropFill : uint8_t {
  kBlack,    // zeros, before normalisation
  kReflect,  // the image mirrored at its edge, which is not repeated
};

struct BatchOptions {
  int64_t batch = 128;
  bool shuffle = false;  // a new order each epoch
  // Augmentation of each sample: a crop at a random place after `crop_padding`
  // pixels on each side, and a mirror image half of the time, as torchvision's
  // RandomCrop(size, padding) and RandomHorizontalFlip do. crop_padding is
  // below the size of the images.
  int crop_padding = 0;
  CropFill crop_fill = CropFill::kBlack;
  bool flip = false;
  // With flip: not by chance in each epoch, but every image the other way round
  // than in the epoch before, the first by chance. Two epochs show both sides
  // of all images (Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU",
  // 2024).
  bool flip_alternates = false;
  std::array<float, 3> mean{0, 0, 0};  // of values / 255
  std::array<float, 3> std{1, 1, 1};
  LastBatch last = LastBatch::kKeep;
  int threads = 1;  // workers; 0: Next does it itself
  Key key = Key();
};

// Sample order is a function of (key, epoch), augmentation of (key, epoch,
// index of the sample in the data set); neither depends on batch size, threads
// or where an epoch starts. Workers are std::threads that stay at most two
// batches each ahead. For use by one thread. Cost: about 1.6 us per 32x32 image
// and worker.
class BatchStream {
 public:
  // Error where an option is out of range.
  BatchStream(DatasetPtr data, const BatchOptions& options);
  ~BatchStream();  // stops the workers, also in the middle of an epoch
  BatchStream(BatchStream&&) noexcept;

  int64_t batches() const;  // of a whole epoch

  // Begins an epoch at batch `first` (0 .. batches()), from which Next goes on.
  // Whatever was left of another epoch is dropped.
  void Start(int64_t epoch, int64_t first = 0);
  // The next batch; false at the end of the epoch. What a worker threw while it
  // made this batch is thrown here, and again until the next Start. Error
  // before the first Start, and where images differ in size.
  bool Next(Batch* batch);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ohm::datasets
