#include "datasets/batch_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "core/base/check.h"
#include "core/kernels/simd.h"
#include "datasets/views.h"

namespace ohm::datasets {
namespace {

// Batches made ahead per worker: enough to ride out a slow one.
constexpr int64_t kAhead = 2;

// What becomes of one sample: a shifted window, perhaps mirrored.
struct Placement {
  int64_t top = 0, left = 0;  // of the window, relative to the image
  bool mirrored = false;
};

// For sample `index` in `epoch`.
Placement Draw(const BatchOptions& options, int64_t epoch, int64_t index) {
  const Key augmentation = options.key.Child("augmentation");
  const Key key = augmentation.Child(uint64_t(epoch)).Child(uint64_t(index));
  Placement place;
  if (options.crop_padding > 0) {
    const auto positions = uint64_t(2 * options.crop_padding + 1);
    place.top = int64_t(key.Below(0, positions)) - options.crop_padding;
    place.left = int64_t(key.Below(1, positions)) - options.crop_padding;
  }
  if (options.flip_alternates) {
    const Key first = augmentation.Child("first side");
    place.mirrored =
        options.flip &&
        (first.Below(uint64_t(index), 2) + uint64_t(epoch)) % 2 == 1;
  } else {
    place.mirrored = options.flip && key.Below(2, 2) == 1;
  }
  return place;
}

// y = scale * byte + offset for every byte of a row of pixels.
struct RowScale {
  std::vector<float> scale, offset;

  RowScale(const BatchOptions& options, int64_t width) {
    for (int64_t i = 0; i < 3 * width; ++i) {
      const auto c = size_t(i % 3);
      scale.push_back(1.0F / (255.0F * options.std[c]));
      offset.push_back(-options.mean[c] / options.std[c]);
    }
  }
};

// A batch took 2.0 us per 32x32 image with a table of 256 values per channel,
// one pixel at a time; it takes 1.6 us like this (docs/results.md).
OHM_SIMD_CLONES void ScaleRow(const uint8_t* __restrict from,
                              const float* __restrict scale,
                              const float* __restrict offset,
                              float* __restrict to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    to[i] = scale[i] * float(from[i]) + offset[i];
  }
}

// Where `at` lies on an axis of `size` that is mirrored at its ends.
int64_t Reflected(int64_t at, int64_t size) {
  if (at < 0) return -at;
  return at < size ? at : 2 * (size - 1) - at;
}

void CopyPixel(const uint8_t* from, uint8_t* to) {
  for (int c = 0; c < 3; ++c) to[c] = from[c];
}

// The row of the window at `place` that shows row `row` of the image, from its
// end where mirrored.
void PlaceRow(const Tensor& image, const Placement& place, CropFill fill,
              int64_t row, uint8_t* to) {
  const int64_t h = image.size(0), w = image.size(1);
  const bool reflects = fill == CropFill::kReflect;
  if (reflects) row = Reflected(row, h);
  if (row < 0 || row >= h) {
    std::memset(to, 0, size_t(3 * w));
    return;
  }
  const uint8_t* from = image.data<uint8_t>() + 3 * row * w;
  const int64_t first = std::clamp<int64_t>(-place.left, 0, w);
  const int64_t last = std::clamp<int64_t>(w - place.left, first, w);
  // Pixel j of the window is pixel j + left of the image and goes to `at(j)`.
  const auto at = [&](int64_t j) {
    return to + 3 * (place.mirrored ? w - 1 - j : j);
  };
  const auto edge = [&](int64_t j) {
    if (reflects) {
      CopyPixel(from + 3 * Reflected(j + place.left, w), at(j));
    } else {
      std::memset(at(j), 0, 3);
    }
  };
  for (int64_t j = 0; j < first; ++j) edge(j);
  if (!place.mirrored) {
    std::memcpy(at(first), from + 3 * (first + place.left),
                size_t(3 * (last - first)));
  } else {
    for (int64_t j = first; j < last; ++j) {
      CopyPixel(from + 3 * (j + place.left), at(j));
    }
  }
  for (int64_t j = last; j < w; ++j) edge(j);
}

// Writes the window of `image` at `place`, normalised.
void Write(const Tensor& image, const Placement& place, CropFill fill,
           const RowScale& scale, float* to) {
  const int64_t h = image.size(0), row_bytes = 3 * image.size(1);
  std::vector<uint8_t> placed(static_cast<size_t>(row_bytes));
  for (int64_t i = 0; i < h; ++i, to += row_bytes) {
    PlaceRow(image, place, fill, i + place.top, placed.data());
    ScaleRow(placed.data(), scale.scale.data(), scale.offset.data(), to,
             row_bytes);
  }
}

void Check(const BatchOptions& options) {
  const auto in_range = [](const char* what, int64_t value, int64_t low) {
    OHM_CHECK(value >= low,
              fmt::format("[batches] expected {} of at least {}, got {}", what,
                          low, value));
  };
  in_range("a batch", options.batch, 1);
  in_range("a crop_padding", options.crop_padding, 0);
  in_range("a number of threads", options.threads, 0);
  for (const float deviation : options.std) {
    OHM_CHECK(
        deviation > 0,
        fmt::format("[batches] expected a std above 0, got {}", deviation));
  }
}

}  // namespace

class BatchStream::Impl {
 public:
  Impl(DatasetPtr data, const BatchOptions& options)
      : data_(std::move(data)), options_(options) {
    OHM_CHECK(data_ != nullptr, "[batches] expected a data set, got none");
    Check(options_);
    try {
      for (int i = 0; i < options_.threads; ++i) {
        workers_.emplace_back([this] { Work(); });
      }
    } catch (const std::system_error& error) {
      Stop();
      ThrowError(
          fmt::format("data.workers: expected {} threads to start, got "
                      "{} ({})",
                      options_.threads, workers_.size(), error.what()));
    }
  }

  ~Impl() { Stop(); }

  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  int64_t batches() const {
    return options_.last == LastBatch::kSkip
               ? data_->size() / options_.batch
               : (data_->size() + options_.batch - 1) / options_.batch;
  }

  void Start(int64_t epoch, int64_t first) {
    OHM_CHECK(first >= 0 && first <= batches(),
              fmt::format("[batches] expected to start at a batch in 0..{}, "
                          "got {}",
                          batches(), first));
    auto plan = std::make_shared<Epoch>();
    plan->number = epoch;
    if (options_.shuffle) {
      plan->order = Permutation(
          data_->size(), options_.key.Child("order").Child(uint64_t(epoch)));
    }
    {
      const std::lock_guard lock(mutex_);
      epoch_ = std::move(plan);
      next_made_ = next_taken_ = first;
      ready_.clear();
    }
    wake_.notify_all();
  }

  bool Next(Batch* batch) {
    OHM_CHECK(epoch_ != nullptr, "[batches] expected Start before Next");
    if (next_taken_ >= batches()) return false;
    if (workers_.empty()) {
      *batch = Make(*epoch_, next_taken_);
      ++next_taken_;
      return true;
    }
    {
      std::unique_lock lock(mutex_);
      done_.wait(lock, [this] { return ready_.contains(next_taken_); });
      Made& made = ready_[next_taken_];
      if (made.error != nullptr) std::rethrow_exception(made.error);
      *batch = std::move(made.batch);
      ready_.erase(next_taken_++);
    }
    wake_.notify_all();
    return true;
  }

 private:
  struct Epoch {
    int64_t number = 0;
    std::vector<int64_t> order;  // empty: as they are
  };
  struct Made {
    Batch batch;
    std::exception_ptr error;
  };

  bool HasWork() const {
    return epoch_ != nullptr && next_made_ < batches() &&
           next_made_ < next_taken_ + kAhead * int64_t(workers_.size());
  }

  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || HasWork(); });
      if (stopping_) return;
      const auto epoch = epoch_;
      const int64_t index = next_made_++;
      lock.unlock();
      Made made;
      try {
        made.batch = Make(*epoch, index);
      } catch (...) {
        made.error = std::current_exception();
      }
      lock.lock();
      if (epoch != epoch_) continue;  // started anew meanwhile
      ready_[index] = std::move(made);
      done_.notify_all();
    }
  }

  Batch Make(const Epoch& epoch, int64_t index) const {
    const int64_t first = index * options_.batch;
    const int64_t count = std::min(options_.batch, data_->size() - first);
    Batch batch;
    std::optional<RowScale> scale;
    batch.labels.reserve(size_t(count));
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at =
          epoch.order.empty() ? first + i : epoch.order[size_t(first + i)];
      const Sample sample = data_->get(at);
      const Shape& shape = sample.image.shape();
      if (i == 0) {
        OHM_CHECK(shape.rank() == 3 && shape[2] == 3,
                  "[batches] expected images [h, w, 3], got " + shape.str());
        batch.images = Tensor::Empty({count, shape[0], shape[1], 3});
        scale.emplace(options_, shape[1]);
        OHM_CHECK(options_.crop_padding < std::min(shape[0], shape[1]),
                  fmt::format("[batches] expected a crop_padding below the "
                              "size of the images, {}, got {}",
                              shape.str(), options_.crop_padding));
      }
      OHM_CHECK(shape == Shape({batch.images.size(1), batch.images.size(2), 3}),
                fmt::format("[batches] expected images of one size, got {} for "
                            "sample {} in a batch {}",
                            shape.str(), at, batch.images.shape().str()));
      Write(sample.image, Draw(options_, epoch.number, at), options_.crop_fill,
            *scale, batch.images.data() + i * shape.count());
      batch.labels.push_back(sample.label);
    }
    return batch;
  }

  DatasetPtr data_;
  BatchOptions options_;

  std::mutex mutex_;  // of all below; the caller's thread may read without
  std::condition_variable wake_, done_;
  bool stopping_ = false;
  std::shared_ptr<const Epoch> epoch_;
  int64_t next_made_ = 0, next_taken_ = 0;
  std::map<int64_t, Made> ready_;
  std::vector<std::thread> workers_;  // last: they use all of the above
};

BatchStream::BatchStream(DatasetPtr data, const BatchOptions& options)
    : impl_(std::make_unique<Impl>(std::move(data), options)) {}
BatchStream::~BatchStream() = default;
BatchStream::BatchStream(BatchStream&&) noexcept = default;

int64_t BatchStream::batches() const { return impl_->batches(); }
void BatchStream::Start(int64_t epoch, int64_t first) {
  impl_->Start(epoch, first);
}
bool BatchStream::Next(Batch* batch) { return impl_->Next(batch); }

}  // namespace ohm::datasets
