#include "train/training_step.h"

#include <doctest/doctest.h>

#include <cmath>
#include <utility>

#include "core/kernels/conv2d.h"
#include "nn/models/model.h"
#include "tests/support/data.h"
#include "tests/support/gradient_check.h"
#include "tests/support/near.h"
#include "train/optim/table.h"

namespace ohm::test {
namespace {

datasets::Batch MakeBatch(uint64_t step, int64_t images) {
  datasets::Batch batch;
  batch.images = RandomTensor({images, 32, 32, 3}, Key(51).Child(step));
  for (int64_t n = 0; n < images; ++n) {
    batch.labels.push_back(int32_t(n % 4));
    for (int64_t i = 0; i < 1500; ++i) {  // something to learn
      batch.images.data()[n * 3072 + i] += float(n % 4);
    }
  }
  return batch;
}

struct Trained {
  std::vector<double> losses;
  std::vector<Tensor> weights;
  size_t planned = 0, kept = 0;
  int recordings = 0;
};

Trained Train(const char* name, DType dtype, int steps, int64_t images) {
  const auto model =
      nn::MakeModel({.name = name, .classes = 4, .width = 8}, Key(52));
  const auto optimizer = train::MakeOptimizer(
      "sgd", train::DecayGroups(model->Parameters(), 5e-4, false), {});
  train::TrainingStep step(model.get(), optimizer.get(), {.dtype = dtype});
  Trained trained;
  for (int i = 0; i < steps; ++i) {
    trained.losses.push_back(
        step.Run(MakeBatch(uint64_t(i), images), 0.05, Key(uint64_t(i))).loss);
  }
  for (const auto& p : model->Parameters()) {
    CHECK(p.var.value().dtype() == DType::kF32);
    trained.weights.push_back(p.var.value());
  }
  trained.planned = step.arena().planned_bytes();
  trained.kept = step.kept_bytes();
  trained.recordings = step.arena().recordings();
  return trained;
}

TEST_CASE("a step learns from labels and a teacher by their shares") {
  const auto loss = [](float share) {
    const nn::ModelSpec spec{.name = "resnet20", .classes = 4, .width = 8};
    const auto model = nn::MakeModel(spec, Key(52));
    const auto other = nn::MakeModel(spec, Key(53));
    const auto optimizer = train::MakeOptimizer(
        "sgd", train::DecayGroups(model->Parameters(), 5e-4, false), {});
    train::TrainingStep step(model.get(), optimizer.get(), {});
    step.LearnFrom(other.get(), {.share = share, .temperature = 2});
    const double first = step.Run(MakeBatch(0, 8), 0.05, Key(0)).loss;
    for (const auto& p : other->Parameters()) CHECK(!p.var.grad().defined());
    return first;
  };
  const double labels = loss(0), outputs = loss(1);
  CHECK(labels == Train("resnet20", DType::kF32, 1, 8).losses[0]);
  CHECK(loss(0.25F) == Near(0.75 * labels + 0.25 * outputs, 1e-6));
  CHECK(outputs > 0);
}

TEST_CASE("a weight or a statistic that is no number is named") {
  const auto model =
      nn::MakeModel({.name = "resnet20", .classes = 4, .width = 8}, Key(53));
  CHECK(train::NameOfNotFinite(model.get()).empty());
  const auto named = [&](float* value, const std::string& name, float wrong) {
    const float before = std::exchange(*value, wrong);
    CHECK(train::NameOfNotFinite(model.get()) == name);
    *value = before;
  };
  auto parameters = model->Parameters();
  auto buffers = model->Buffers();
  auto& weight = parameters.back();
  auto& mean = buffers.front();
  for (const float wrong : {NAN, INFINITY}) {
    named(weight.var.mutable_value().data(), weight.name, wrong);
    named(mean.tensor->data() + mean.tensor->count() - 1, mean.name, wrong);
  }
  CHECK(train::NameOfNotFinite(model.get()).empty());
}

TEST_CASE("bf16 training follows f32 training") {
  if (!kernels::HasBFloat16()) {
    MarkSkipped("this machine's oneDNN has no bf16");
    return;
  }
  const Trained wide = Train("resnet8", DType::kF32, 20, 32);
  const Trained narrow = Train("resnet8", DType::kBF16, 20, 32);
  CHECK(wide.losses.back() < 0.8 * wide.losses.front());
  for (size_t i = 0; i < wide.losses.size(); ++i) {
    CAPTURE(i);
    // Roundings of 2^-9 each, amplified step by step.
    CHECK(std::abs(narrow.losses[i] - wide.losses[i]) <
          0.02 + 0.05 * wide.losses[i]);
  }
}

TEST_CASE("bf16 training is the same twice, bit for bit") {
  if (!kernels::HasBFloat16()) {
    MarkSkipped("this machine's oneDNN has no bf16");
    return;
  }
  const Trained a = Train("resnet8", DType::kBF16, 4, 16);
  const Trained b = Train("resnet8", DType::kBF16, 4, 16);
  for (size_t i = 0; i < a.weights.size(); ++i) {
    CHECK(BitEqual(a.weights[i], b.weights[i]));
  }
}

TEST_CASE("the arena of a step is hardly larger than what backward needs") {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    if (dtype == DType::kBF16 && !kernels::HasBFloat16()) {
      MarkSkipped("this machine's oneDNN has no bf16");
      continue;
    }
    const Trained trained = Train("resnet20", dtype, 3, 16);
    CHECK(trained.recordings == 1);
    CHECK(trained.kept > size_t{1} << 20);
    CHECK(double(trained.planned) <= 1.2 * double(trained.kept));
  }
}

TEST_CASE("a step whose loss is not finite changes nothing") {
  const auto model = nn::MakeModel({.name = "mlp", .classes = 4}, Key(53));
  const auto optimizer = train::MakeOptimizer(
      "sgd", train::DecayGroups(model->Parameters(), 0, false), {});
  train::TrainingStep step(model.get(), optimizer.get(), {});
  datasets::Batch batch = MakeBatch(1, 4);
  batch.images.data()[7] = std::nanf("");
  std::vector<Tensor> before;
  for (const auto& p : model->Parameters()) {
    before.push_back(p.var.value().Clone());
  }
  CHECK(std::isnan(step.Run(batch, 0.1, Key(1)).loss));
  const auto after = model->Parameters();
  for (size_t i = 0; i < before.size(); ++i) {
    CHECK(BitEqual(before[i], after[i].var.value()));
    CHECK_FALSE(after[i].var.grad().defined());
  }
}

}  // namespace
}  // namespace ohm::test
