#include "datasets/procedural.h"

#include <doctest/doctest.h>

#include <Eigen/Dense>
#include <cmath>
#include <numeric>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "datasets/table.h"
#include "datasets/views.h"
#include "tests/datasets/files.h"
#include "tests/support/near.h"

namespace ohm::datasets {
namespace {

using ProceduralTask::kGlyphs;
using ProceduralTask::kShapes;
using ProceduralTask::kTextures;
constexpr ProceduralTask kTasks[] = {kShapes, kTextures, kGlyphs};

TEST_CASE("procedural: a sample depends on task, key and index alone") {
  for (const auto task : kTasks) {
    const auto few = MakeProcedural(task, Key(5), 20, 32);
    const int before = Threads();
    SetThreads(1);
    const auto many = MakeProcedural(task, Key(5), 50, 32);
    SetThreads(before);
    for (int64_t i = 0; i < 20; ++i) {
      CHECK(BitEqual(few->get(i).image, many->get(i).image));
      CHECK(few->get(i).label == i % 10);
    }
    const Sample alone = DrawSample(task, Key(5), 17);
    CHECK(BitEqual(alone.image, many->get(17).image));
    CHECK_FALSE(BitEqual(alone.image, DrawSample(task, Key(6), 17).image));
    CHECK_FALSE(BitEqual(alone.image, many->get(27).image));
  }
  CHECK_THROWS_AS(MakeProcedural(kShapes, Key(1), 0, 32), Error);
}

TEST_CASE("procedural: bytes are the same on every x86-64 machine") {
  // FNV-1a over the first 20 images of each task.
  const auto hash = [](ProceduralTask task) {
    uint64_t value = 0xcbf29ce484222325;
    for (int64_t i = 0; i < 20; ++i) {
      const Sample sample = DrawSample(task, Key(1), i);
      for (const uint8_t byte : sample.image.span<uint8_t>()) {
        value = (value ^ byte) * 0x100000001b3;
      }
    }
    return value;
  };
  CHECK(hash(kShapes) == 12690242224460302590U);
  CHECK(hash(kTextures) == 6484312258845123521U);
  CHECK(hash(kGlyphs) == 7076655251705077955U);
}

TEST_CASE(
    "procedural: train and test, seeds and tasks differ, sizes and "
    "counts are obeyed") {
  const auto data =
      Open("shapes",
           {.seed = 3, .image_size = 16, .train_count = 30, .test_count = 20});
  CHECK(data.train->size() == 30);
  CHECK(data.test->size() == 20);
  CHECK(data.classes == 10);
  CHECK(data.train->get(0).image.shape() == Shape({16, 16, 3}));
  CHECK_FALSE(BitEqual(data.train->get(4).image, data.test->get(4).image));
  const auto other =
      Open("shapes", {.seed = 4, .train_count = 10, .test_count = 10});
  const auto glyphs =
      Open("glyphs", {.seed = 4, .train_count = 10, .test_count = 10});
  CHECK_FALSE(BitEqual(other.train->get(0).image, glyphs.train->get(0).image));
}

TEST_CASE(
    "procedural: the table's mean and deviation are those of the "
    "images") {
  for (const std::string name : {"shapes", "textures", "glyphs"}) {
    CAPTURE(name);
    const auto data = Open(name, {.train_count = 3000, .test_count = 10});
    for (size_t c = 0; c < 3; ++c) {
      double sum = 0, squares = 0;
      for (int64_t n = 0; n < 3000; ++n) {
        const Sample sample = data.train->get(n);
        for (size_t k = c; k < 3072; k += 3) {
          const double v = sample.image.data<uint8_t>()[k] / 255.0;
          sum += v;
          squares += v * v;
        }
      }
      const double mean = sum / (3000.0 * 1024);
      const double deviation =
          std::sqrt(squares / (3000.0 * 1024) - mean * mean);
      CHECK(mean == test::Near(data.mean[c], 0.02));
      CHECK(deviation == test::Near(data.std[c], 0.02));
    }
  }
}

using Matrix =
    Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Pixels around 0, and a column of ones.
Matrix Pixels(const Dataset& data) {
  Matrix x(data.size(), 3073);
  for (int64_t i = 0; i < data.size(); ++i) {
    const Sample sample = data.get(i);
    for (int64_t k = 0; k < 3072; ++k) {
      x(i, k) = float(sample.image.data<uint8_t>()[k]) / 128.0F - 1.0F;
    }
    x(i, 3072) = 1;
  }
  return x;
}

// Top-1 on `test` of softmax regression trained on `train` by gradient descent
// on small batches.
double LinearTop1(const Dataset& train, const Dataset& test) {
  constexpr int64_t kBatch = 50, kEpochs = 12;
  const Matrix x = Pixels(train);
  const auto labels = test::LabelsOf(train);
  Matrix w = Matrix::Zero(3073, 10);
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const float rate = 2e-3F * (1 - float(epoch) / float(kEpochs));
    const auto order = Permutation(train.size(), Key(uint64_t(epoch)));
    Matrix rows(kBatch, 3073);
    for (int64_t first = 0; first + kBatch <= train.size(); first += kBatch) {
      for (int64_t i = 0; i < kBatch; ++i) {
        rows.row(i) = x.row(order[size_t(first + i)]);
      }
      Matrix p = rows * w;
      for (int64_t i = 0; i < kBatch; ++i) {
        p.row(i).array() -= p.row(i).maxCoeff();
        p.row(i) = p.row(i).array().exp();
        p.row(i) /= p.row(i).sum();
        p(i, labels[size_t(order[size_t(first + i)])]) -= 1;
      }
      w.noalias() -= rate * (rows.transpose() * p);
    }
  }
  const Matrix scores = Pixels(test) * w;
  int64_t correct = 0;
  for (int64_t i = 0; i < test.size(); ++i) {
    Eigen::Index best = 0;
    scores.row(i).maxCoeff(&best);
    correct += best == test.get(i).label;
  }
  return double(correct) / double(test.size());
}

// The same figures without their random pose would be easy: every image is the
// first of its class, with its own brightness.
class Posed : public Dataset {
 public:
  int64_t size() const override { return 1000; }
  int classes() const override { return 10; }
  Sample get(int64_t index) const override {
    Sample sample = DrawSample(kShapes, Key(1), index % 10);
    sample.image = sample.image.Clone();
    const auto share = 0.5 + 0.5 * Key(2).Uniform(uint64_t(index));
    for (uint8_t& value : sample.image.span<uint8_t>()) {
      value = uint8_t(share * value);
    }
    return sample;
  }
  int32_t label(int64_t index) const override { return int32_t(index % 10); }
};

TEST_CASE("procedural: a linear classifier on pixels stays under 60 %") {
  const Posed easy;
  CHECK(LinearTop1(easy, easy) > 0.9);  // the classifier works
  for (const std::string name : {"shapes", "textures", "glyphs"}) {
    CAPTURE(name);
    const auto data = Open(name, {.train_count = 6000, .test_count = 1000});
    const double top1 = LinearTop1(*data.train, *data.test);
    CHECK(top1 < 0.6);
    CHECK(top1 > 0.1);  // better than guessing
  }
}

}  // namespace
}  // namespace ohm::datasets
