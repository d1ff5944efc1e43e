// The published data sets, where they are.
#include <doctest/doctest.h>

#include <cmath>

#include "datasets/table.h"
#include "tests/datasets/files.h"
#include "tests/support/data.h"
#include "tests/support/near.h"

namespace ohm::datasets {
namespace {

// Mean of all bytes.
double MeanOf(const Dataset& data) {
  double sum = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < data.size(); ++i) {
    const Sample sample = data.get(i);
    count += sample.image.count();
    for (const uint8_t value : sample.image.span<uint8_t>()) sum += value;
  }
  return sum / double(count);
}

void CheckNormalisation(const OpenedDataset& data, double tolerance) {
  for (size_t c = 0; c < 3; ++c) {
    double sum = 0, squares = 0, count = 0;
    for (int64_t i = 0; i < data.train->size(); i += 7) {
      const Sample sample = data.train->get(i);
      for (int64_t k = int64_t(c); k < sample.image.count(); k += 3) {
        const double v = sample.image.data<uint8_t>()[k] / 255.0;
        sum += v;
        squares += v * v;
        ++count;
      }
    }
    const double mean = sum / count;
    CHECK(std::abs(mean - double(data.mean[c])) < tolerance);
    CHECK(std::abs(std::sqrt(squares / count - mean * mean) -
                   double(data.std[c])) < tolerance);
  }
}

TEST_CASE("published CIFAR-10") {
  const auto root = test::DataRoot("cifar-10-batches-bin");
  if (!root) return;
  const auto data = Open("cifar10", {.root = root->string()});
  CHECK(data.train->size() == 50000);
  CHECK(data.test->size() == 10000);
  // The first training images: a frog and two trucks.
  CHECK(data.train->get(0).label == 6);
  CHECK(data.train->get(1).label == 9);
  CHECK(data.train->get(2).label == 9);
  CHECK(test::PixelOf(*data.train, 0, 0, 0, 0) == 59);
  CHECK(test::PixelOf(*data.train, 0, 0, 0, 1) == 62);
  CHECK(test::PixelOf(*data.train, 0, 0, 0, 2) == 63);
  std::vector<int> counts(10);
  for (const int32_t label : test::LabelsOf(*data.test))
    ++counts[size_t(label)];
  for (const int count : counts) CHECK(count == 1000);
  CheckNormalisation(data, 0.006);
}

TEST_CASE("published Fashion-MNIST") {
  const auto root = test::DataRoot("fashion-mnist");
  if (!root) return;
  const auto data = Open("fashion-mnist", {.root = root->string()});
  CHECK(data.train->size() == 60000);
  CHECK(data.test->size() == 10000);
  CHECK(data.train->get(0).label == 9);  // an ankle boot
  CHECK(data.test->get(1).label == 2);
  CHECK(MeanOf(*data.train) / 255 == test::Near(0.2190, 0.001));
  CheckNormalisation(data, 0.003);
}

TEST_CASE("published GTSRB") {
  const auto root = test::DataRoot("GTSRB");
  if (!root) return;
  const auto data = Open("gtsrb", {.root = root->string()});
  CHECK(data.train->size() >= 3921);
  CHECK(data.test->size() >= 4210);
  CHECK(data.classes == 43);
  CHECK(data.test->get(0).label == 16);
  CheckNormalisation(data, 0.02);
}

TEST_CASE("published flowers") {
  const auto root = test::DataRoot("flowers5");
  if (!root) return;
  const auto data = Open("flowers5", {.root = root->string()});
  CHECK(data.train->size() + data.test->size() == 4317);
  CHECK(std::abs(double(data.test->size()) - 4317 * 0.2) < 5);
  CHECK(data.classes == 5);
  CHECK(data.test->get(0).label == 0);
}

TEST_CASE("published Tiny-ImageNet") {
  const auto root = test::DataRoot("tiny-imagenet-200");
  if (!root) return;
  const auto data = Open("tiny-imagenet", {.root = root->string()});
  CHECK(data.train->size() == 500 * data.classes);
  CHECK(data.test->size() == 50 * data.classes);
}

}  // namespace
}  // namespace ohm::datasets
