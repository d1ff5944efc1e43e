#include "datasets/batch_stream.h"

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <set>
#include <tuple>

#include "core/base/check.h"
#include "datasets/memory.h"
#include "tests/support/gradient_check.h"

namespace ohm::datasets {
namespace {

constexpr int kH = 6, kW = 5;

// Random images; the label is the index.
DatasetPtr Noise(int count) {
  Tensor images = Tensor::Empty({count, kH, kW, 3}, DType::kU8);
  for (int64_t i = 0; i < images.count(); ++i) {
    images.data<uint8_t>()[i] = uint8_t(1 + Key(1).Below(uint64_t(i), 255));
  }
  std::vector<int32_t> labels;
  for (int i = 0; i < count; ++i) labels.push_back(i);
  return std::make_shared<MemoryDataset>(images, labels, count, "noise");
}

struct Epoch {
  std::vector<int32_t> labels;       // in order
  std::vector<size_t> sizes;         // of the batches
  std::map<int32_t, Tensor> images;  // by label
};

Epoch Collect(BatchStream* stream, int64_t epoch, int64_t first = 0) {
  Epoch all;
  Batch batch;
  stream->Start(epoch, first);
  while (stream->Next(&batch)) {
    REQUIRE(batch.images.size(0) == int64_t(batch.labels.size()));
    all.sizes.push_back(batch.labels.size());
    for (size_t i = 0; i < batch.labels.size(); ++i) {
      all.labels.push_back(batch.labels[i]);
      all.images[batch.labels[i]] =
          batch.images.Slice(int64_t(i), int64_t(i) + 1).Clone();
    }
  }
  CHECK_FALSE(stream->Next(&batch));
  return all;
}

Epoch Collect(const DatasetPtr& data, const BatchOptions& options,
              int64_t epoch) {
  BatchStream stream(data, options);
  return Collect(&stream, epoch);
}

bool SameImages(const Epoch& a, const Epoch& b) {
  if (a.images.size() != b.images.size()) return false;
  for (const auto& [label, image] : a.images) {
    if (!BitEqual(image, b.images.at(label))) return false;
  }
  return true;
}

BatchOptions Augmenting() {
  BatchOptions options;
  options.batch = 8;
  options.shuffle = true;
  options.crop_padding = 2;
  options.flip = true;
  options.mean = {0.5F, 0.4F, 0.3F};
  options.std = {0.2F, 0.25F, 0.3F};
  options.key = Key(9);
  return options;
}

// Mirrored at both ends, the ends not repeated.
int Reflected(int at, int size) {
  const int period = 2 * (size - 1);
  const int turned = ((at % period) + period) % period;
  return turned < size ? turned : period - turned;
}

// What torchvision computes: pad, cut, mirror, normalise.
Tensor Expected(const Tensor& image, const BatchOptions& options, int top,
                int left, bool mirrored) {
  Tensor out = Tensor::Empty({1, kH, kW, 3});
  for (int i = 0; i < kH; ++i) {
    for (int j = 0; j < kW; ++j) {
      int row = i + top - options.crop_padding;
      int col = (mirrored ? kW - 1 - j : j) + left - options.crop_padding;
      if (options.crop_fill == CropFill::kReflect) {
        row = Reflected(row, kH);
        col = Reflected(col, kW);
      }
      const bool inside = row >= 0 && row < kH && col >= 0 && col < kW;
      for (size_t c = 0; c < 3; ++c) {
        const uint8_t byte =
            inside ? image.data<uint8_t>()[(row * kW + col) * 3 + int(c)] : 0;
        out.data()[size_t(i * kW + j) * 3 + c] =
            (float(byte) / 255.0F - options.mean[c]) / options.std[c];
      }
    }
  }
  return out;
}

// The stream multiplies where torchvision divides: the last bits may differ.
bool Same(const Tensor& a, const Tensor& b) {
  return test::MaxError(a, b) < 1e-6;
}

TEST_CASE("batches: without options the images themselves, normalised") {
  const auto data = Noise(10);
  BatchOptions options;
  options.batch = 4;
  options.mean = {0.1F, 0.2F, 0.3F};
  options.std = {0.5F, 0.6F, 0.7F};
  const Epoch all = Collect(data, options, 3);
  CHECK(all.labels == std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(all.sizes == std::vector<size_t>{4, 4, 2});
  for (int32_t n = 0; n < 10; ++n) {
    CHECK(Same(all.images.at(n),
               Expected(data->get(n).image, options, 0, 0, false)));
  }
  options.last = LastBatch::kSkip;
  BatchStream skipping(data, options);
  CHECK(skipping.batches() == 2);
  CHECK(Collect(&skipping, 0).sizes == std::vector<size_t>{4, 4});
}

TEST_CASE(
    "batches: alternating flips show every image from both sides in turn") {
  const auto data = Noise(200);
  BatchOptions options;
  options.flip = options.flip_alternates = true;
  options.key = Key(9);
  int mirrored_first = 0;
  std::vector<Epoch> epochs;
  for (int64_t e = 0; e < 4; ++e) epochs.push_back(Collect(data, options, e));
  for (int32_t n = 0; n < 200; ++n) {
    const Tensor plain = Expected(data->get(n).image, options, 0, 0, false);
    const Tensor mirror = Expected(data->get(n).image, options, 0, 0, true);
    const bool first = Same(epochs[0].images.at(n), mirror);
    mirrored_first += first ? 1 : 0;
    for (size_t e = 0; e < 4; ++e) {
      const bool expected = first == (e % 2 == 0);
      CHECK(Same(epochs[e].images.at(n), expected ? mirror : plain));
    }
  }
  // Binomial of 200 at one half: deviation 7; six of them.
  CHECK(std::abs(mirrored_first - 100) < 43);
}

TEST_CASE(
    "batches: every sample is a crop of its padded image, all crops and "
    "both sides occur") {
  const auto data = Noise(400);
  const BatchOptions options = Augmenting();
  const Epoch all = Collect(data, options, 1);
  std::map<std::tuple<int, int, bool>, int> counts;
  for (int32_t n = 0; n < 400; ++n) {
    int matches = 0;
    for (int k = 0; k < 50; ++k) {
      const int top = k / 10, left = k / 2 % 5;
      const bool mirrored = k % 2 == 1;
      if (Same(all.images.at(n),
               Expected(data->get(n).image, options, top, left, mirrored))) {
        ++counts[{top, left, mirrored}];
        ++matches;
      }
    }
    CHECK(matches == 1);
  }
  CHECK(counts.size() == 50);  // 8 of each on average
  int mirrored = 0;
  for (const auto& [place, count] : counts) {
    CHECK(count < 24);
    if (std::get<2>(place)) mirrored += count;
  }
  CHECK(std::abs(mirrored - 200) < 50);
}

TEST_CASE("batches: reflecting crops show the image mirrored at its edges") {
  const auto data = Noise(400);
  BatchOptions options = Augmenting();
  options.crop_fill = CropFill::kReflect;
  const Epoch all = Collect(data, options, 1);
  std::set<int> seen;
  for (int32_t n = 0; n < 400; ++n) {
    bool found = false;
    for (int k = 0; k < 50; ++k) {
      if (!Same(all.images.at(n), Expected(data->get(n).image, options, k / 10,
                                           k / 2 % 5, k % 2 == 1))) {
        continue;  // some windows of reflections are their own mirror images
      }
      seen.insert(k);
      found = true;
    }
    CHECK(found);
  }
  CHECK(seen.size() == 50);
  options.crop_padding = kW;
  BatchStream too_far(data, options);
  too_far.Start(0);
  Batch batch;
  CHECK_THROWS_WITH_AS(too_far.Next(&batch),
                       doctest::Contains("expected a crop_padding below"),
                       Error);
}

TEST_CASE("batches: the same for any number of workers") {
  const auto data = Noise(101);
  BatchOptions options = Augmenting();
  options.threads = 0;
  const Epoch reference = Collect(data, options, 2);
  CHECK(reference.labels.size() == 101);
  for (const int threads : {1, 2, 4}) {
    options.threads = threads;
    const Epoch other = Collect(data, options, 2);
    CHECK(other.labels == reference.labels);
    CHECK(SameImages(other, reference));
  }
}

TEST_CASE("batches: samples and order do not depend on the batch size") {
  const auto data = Noise(60);
  BatchOptions options = Augmenting();
  const Epoch reference = Collect(data, options, 0);
  for (const int64_t batch : {1, 7, 60, 1000}) {
    options.batch = batch;
    const Epoch other = Collect(data, options, 0);
    CHECK(other.labels == reference.labels);
    CHECK(SameImages(other, reference));
  }
}

TEST_CASE("batches: augmentation follows the sample, not its place") {
  const auto data = Noise(60);
  BatchOptions options = Augmenting();
  const Epoch shuffled = Collect(data, options, 4);
  options.shuffle = false;
  const Epoch plain = Collect(data, options, 4);
  CHECK(plain.labels != shuffled.labels);
  CHECK(SameImages(plain, shuffled));
}

TEST_CASE("batches: epochs and keys differ, the same epoch repeats") {
  const auto data = Noise(60);
  BatchOptions options = Augmenting();
  BatchStream stream(data, options);
  const Epoch first = Collect(&stream, 0), second = Collect(&stream, 1),
              again = Collect(&stream, 0);
  CHECK(first.labels != second.labels);
  CHECK_FALSE(SameImages(first, second));
  CHECK(again.labels == first.labels);
  CHECK(SameImages(again, first));
  CHECK(std::set<int32_t>(second.labels.begin(), second.labels.end()).size() ==
        60);
  options.key = Key(10);
  const Epoch other = Collect(data, options, 0);
  CHECK(other.labels != first.labels);
  CHECK_FALSE(SameImages(other, first));
}

TEST_CASE("batches: an epoch can start in its middle") {
  const auto data = Noise(60);
  const BatchOptions options = Augmenting();
  BatchStream stream(data, options);
  const Epoch whole = Collect(&stream, 5), rest = Collect(&stream, 5, 3);
  CHECK(rest.sizes == std::vector<size_t>{8, 8, 8, 8, 4});
  CHECK(std::vector<int32_t>(whole.labels.begin() + 24, whole.labels.end()) ==
        rest.labels);
  for (const auto& [label, image] : rest.images) {
    CHECK(BitEqual(image, whole.images.at(label)));
  }
  CHECK(Collect(&stream, 5, stream.batches()).labels.empty());
  CHECK_THROWS_AS(stream.Start(0, stream.batches() + 1), Error);
  CHECK_THROWS_AS(stream.Start(0, -1), Error);
}

TEST_CASE(
    "batches: an epoch may be left, and a stream destroyed, at any "
    "time") {
  const auto data = Noise(200);
  BatchOptions options = Augmenting();
  options.batch = 3;
  options.threads = 3;
  const Epoch reference = Collect(data, options, 7);
  for (int taken = 0; taken < 12; ++taken) {
    BatchStream stream(data, options);
    Batch batch;
    stream.Start(6);
    for (int i = 0; i < taken; ++i) CHECK(stream.Next(&batch));
    if (taken % 2 == 0) continue;
    const Epoch other = Collect(&stream, 7);
    CHECK(other.labels == reference.labels);
    CHECK(SameImages(other, reference));
  }
  const BatchStream never_started(data, options);
  CHECK(never_started.batches() == 67);
}

// Sample 30 cannot be read; counts reads.
class Failing : public Dataset {
 public:
  explicit Failing(DatasetPtr base) : base_(std::move(base)) {}
  int64_t size() const override { return base_->size(); }
  int classes() const override { return base_->classes(); }
  Sample get(int64_t index) const override {
    ++reads;
    if (index == 30) ThrowError("sample 30 went away");
    return base_->get(index);
  }
  int32_t label(int64_t index) const override { return base_->label(index); }
  mutable std::atomic<int> reads = 0;

 private:
  DatasetPtr base_;
};

TEST_CASE("batches: an error in a worker comes out with its batch") {
  const auto data = std::make_shared<Failing>(Noise(60));
  BatchOptions options;
  options.batch = 8;
  for (const int threads : {0, 1, 3}) {
    options.threads = threads;
    BatchStream stream(data, options);
    Batch batch;
    stream.Start(0);
    for (int i = 0; i < 3; ++i) CHECK(stream.Next(&batch));
    for (int again = 0; again < 2; ++again) {
      CHECK_THROWS_WITH_AS(stream.Next(&batch), "sample 30 went away", Error);
    }
    stream.Start(0, 4);
    CHECK(stream.Next(&batch));
    CHECK(batch.labels[0] == 32);
  }
}

TEST_CASE("batches: workers stay at most two batches each ahead") {
  const auto data = std::make_shared<Failing>(Noise(30));
  BatchOptions options;
  options.batch = 1;
  options.threads = 2;
  BatchStream stream(data, options);
  Batch batch;
  stream.Start(0);
  for (int taken = 1; taken <= 20; ++taken) {
    CHECK(stream.Next(&batch));
    CHECK(data->reads <= taken + 4);
  }
}

TEST_CASE("batches: options out of range, unequal images, Next before Start") {
  const auto data = Noise(4);
  const auto refused = [&](const BatchOptions& options) {
    CHECK_THROWS_AS(BatchStream(data, options), Error);
  };
  BatchOptions options;
  options.batch = 0;
  refused(options);
  options = {};
  options.crop_padding = -1;
  refused(options);
  options = {};
  options.threads = -1;
  refused(options);
  options = {};
  options.std[1] = 0;
  refused(options);
  BatchStream stream(data, {});
  Batch batch;
  CHECK_THROWS_WITH_AS(stream.Next(&batch),
                       "[batches] expected Start before Next", Error);

  struct Unequal : Dataset {
    int64_t size() const override { return 2; }
    int classes() const override { return 1; }
    Sample get(int64_t index) const override {
      return {Tensor::Zeros({4, 4 + index, 3}, DType::kU8), 0};
    }
    int32_t label(int64_t /*index*/) const override { return 0; }
  };
  BatchStream unequal(std::make_shared<Unequal>(), {});
  unequal.Start(0);
  CHECK_THROWS_WITH_AS(unequal.Next(&batch),
                       doctest::Contains("expected images of one size, got "
                                         "[4, 5, 3] for sample 1"),
                       Error);
}

}  // namespace
}  // namespace ohm::datasets
