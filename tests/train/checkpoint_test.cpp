#include "train/checkpoint.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/base/check.h"
#include "core/base/random.h"
#include "nn/crossbar_policy.h"
#include "nn/models/model.h"
#include "tests/train/scratch_folder.h"
#include "train/optim/table.h"
#include "train/safetensors.h"

namespace ohm::train {
namespace {

using nn::NamedBuffer;
using nn::NamedParameter;
using nn::Role;

Tensor Random(const Shape& shape, Key key) {
  Tensor t = Tensor::Empty(shape);
  for (int64_t i = 0; i < t.count(); ++i) {
    t.data()[i] = static_cast<float>(key.Normal(uint64_t(i)));
  }
  return t;
}

// A convolution, its batch norm and a classifier, with random contents.
struct Net {
  explicit Net(uint64_t seed) {
    const Key key(seed);
    const auto add = [&](const char* name, Role role, const Shape& shape) {
      parameters.push_back(
          {name, role, Var(Random(shape, key.Child(name)), true)});
    };
    add("conv.weight", Role::kConvWeight, {4, 3, 2, 5});
    add("bn.weight", Role::kNormScale, {4});
    add("fc.weight", Role::kLinearWeight, {2, 4});
    mean = Random({4}, key.Child("mean"));
    range = Random({1}, key.Child("range"));
    buffers = {{"bn.running_mean", &mean}, {"conv.crossbar.range", &range}};
  }
  Net(const Net&) = delete;

  std::string Hash() const { return HashWeights(parameters, buffers); }

  std::vector<NamedParameter> parameters;
  std::vector<NamedBuffer> buffers;
  Tensor mean;
  Tensor range;
};

std::string LoadMessage(const std::filesystem::path& path, const Net& net,
                        const LoadPolicy& policy = {}) {
  return MessageOf(
      [&] { LoadWeights(path, net.parameters, net.buffers, policy); });
}

// Saves `net`, lets `change` edit the file, and returns its path.
template <typename Change>
std::filesystem::path Edited(const ScratchFolder& folder, const Net& net,
                             Change change) {
  const auto path = folder / "edited.safetensors";
  SaveWeights(path, net.parameters, net.buffers);
  NamedTensors file = ReadSafetensors(path);
  change(&file);
  WriteSafetensors(path, file);
  return path;
}

auto Drop(const std::string& name) {
  return [name](NamedTensors* file) {
    std::erase_if(file->tensors,
                  [&](const auto& entry) { return entry.first == name; });
  };
}

void TrainStep(Net* net, Optimizer* optimizer, uint64_t step) {
  for (NamedParameter& p : net->parameters) {
    p.var.mutable_grad() =
        Random(p.var.shape(), Key(77).Child(step).Child(p.name));
  }
  optimizer->Step(0.1);
}

}  // namespace

TEST_CASE("checkpoint: weights come back bit for bit") {
  const ScratchFolder folder;
  const Net a(1);
  const Net b(2);
  const auto path = folder / "w.safetensors";
  SaveWeights(path, a.parameters, a.buffers, {{"data", "shapes"}});
  CHECK(a.Hash() != b.Hash());
  const auto metadata = LoadWeights(path, b.parameters, b.buffers);
  CHECK(metadata.at("data") == "shapes");
  CHECK(metadata.at("format") == "pt");
  CHECK(a.Hash() == b.Hash());
  CHECK(BitEqual(a.mean, b.mean));
}

TEST_CASE("checkpoint: convolutions are [out, in, kh, kw] in the file") {
  const ScratchFolder folder;
  const Net net(1);
  const auto path = folder / "w.safetensors";
  SaveWeights(path, net.parameters, net.buffers);
  const NamedTensors file = ReadSafetensors(path);
  const Tensor& stored = *file.Find("conv.weight");
  const Tensor& held = net.parameters[0].var.value();
  REQUIRE(stored.shape() == Shape{4, 5, 3, 2});
  int64_t different = 0;
  for (int64_t o = 0; o < 4; ++o) {
    for (int64_t h = 0; h < 3; ++h) {
      for (int64_t w = 0; w < 2; ++w) {
        for (int64_t i = 0; i < 5; ++i) {
          const float in_file = stored.data()[((o * 5 + i) * 3 + h) * 2 + w];
          const float in_memory = held.data()[((o * 3 + h) * 2 + w) * 5 + i];
          different += in_file != in_memory;
        }
      }
    }
  }
  CHECK(different == 0);
  CHECK(BitEqual(*file.Find("fc.weight"), net.parameters[2].var.value()));
}

TEST_CASE("checkpoint: torch's extra entries and prefix are accepted") {
  const ScratchFolder folder;
  const Net a(1);
  const auto path = Edited(folder, a, [](NamedTensors* file) {
    file->tensors.emplace_back("bn.num_batches_tracked",
                               Tensor::Zeros({}, DType::kS32));
    for (auto& [name, tensor] : file->tensors) name = "module." + name;
  });
  const Net b(2);
  CHECK(LoadMessage(path, b).empty());
  CHECK(a.Hash() == b.Hash());
}

TEST_CASE("checkpoint: a file that does not fit changes nothing") {
  const ScratchFolder folder;
  const Net a(1);
  const Net b(2);
  const std::string before = b.Hash();

  auto message = LoadMessage(Edited(folder, a, Drop("fc.weight")), b);
  CHECK(Contains(message, "edited.safetensors"));
  CHECK(Contains(message, "missing fc.weight"));

  message = LoadMessage(
      Edited(folder, a,
             [](NamedTensors* file) {
               file->tensors.emplace_back("extra", Tensor::Scalar(1));
               file->tensors.emplace_back("more", Tensor::Scalar(1));
             }),
      b);
  CHECK(Contains(message, "unexpected extra, more"));

  message = LoadMessage(Edited(folder, a,
                               [](NamedTensors* file) {
                                 for (auto& [name, tensor] : file->tensors) {
                                   if (name == "conv.weight")
                                     tensor = Tensor::Zeros({4, 3, 2, 5});
                                   if (name == "bn.weight")
                                     tensor = Tensor::Zeros({4}, DType::kS32);
                                 }
                               }),
                        b);
  CHECK(Contains(message,
                 "conv.weight (expected f32 [4, 5, 3, 2], got f32 "
                 "[4, 3, 2, 5])"));
  CHECK(Contains(message, "bn.weight (expected f32 [4], got s32 [4])"));
  CHECK(before == b.Hash());
}

// Converters would turn them into codes and hide them.
TEST_CASE("checkpoint: what is no number, or no variance, is refused") {
  const ScratchFolder folder;
  const Net a(1);
  const Net b(2);
  const std::string before = b.Hash();
  const auto with = [&](const std::string& wanted, float value) {
    return LoadMessage(Edited(folder, a,
                              [&](NamedTensors* file) {
                                for (auto& [name, tensor] : file->tensors) {
                                  if (name != wanted) continue;
                                  tensor = tensor.Clone();
                                  tensor.data()[tensor.count() - 1] = value;
                                }
                              }),
                       b);
  };
  for (const float value : {NAN, INFINITY}) {
    CHECK(Contains(with("conv.weight", value),
                   "no numbers, or variances below 0: conv.weight"));
  }
  CHECK(Contains(with("bn.running_mean", NAN), "below 0: bn.running_mean"));
  CHECK(before == b.Hash());
  CHECK(with("bn.running_mean", -1).empty());

  Tensor variance = Tensor::Full({4}, 1.0F);
  const auto path = folder / "variance.safetensors";
  const std::vector<NamedBuffer> buffers{{"bn.running_var", &variance}};
  SaveWeights(path, {}, buffers);
  LoadWeights(path, {}, buffers);
  variance.data()[3] = -1e-3F;
  SaveWeights(path, {}, buffers);
  CHECK_THROWS_WITH_AS(LoadWeights(path, {}, buffers),
                       doctest::Contains("below 0: bn.running_var"), Error);
}

TEST_CASE("checkpoint: many wrong names are counted, not all listed") {
  const ScratchFolder folder;
  const Net net(1);
  const auto path = Edited(folder, net, [](NamedTensors* file) {
    for (int i = 0; i < 20; ++i) {
      file->tensors.emplace_back("x" + std::to_string(i), Tensor::Scalar(1));
    }
  });
  CHECK(Contains(LoadMessage(path, net), "x11 and 8 more"));
}

TEST_CASE("checkpoint: crossbar state may be missing or extra if allowed") {
  const ScratchFolder folder;
  const Net a(1);
  const Net b(2);
  const Tensor range = b.range.Clone();
  const auto digital = Edited(folder, a, Drop("conv.crossbar.range"));
  CHECK(Contains(LoadMessage(digital, b), "missing conv.crossbar.range"));
  CHECK(LoadMessage(digital, b, {.crossbar_may_be_missing = true}).empty());
  CHECK(BitEqual(b.range, range));
  CHECK(BitEqual(b.mean, a.mean));

  const auto mapped = folder / "mapped.safetensors";
  SaveWeights(mapped, a.parameters, a.buffers);
  Net plain(3);
  plain.buffers.pop_back();
  CHECK(Contains(LoadMessage(mapped, plain), "unexpected conv.crossbar.range"));
  CHECK(LoadMessage(mapped, plain, {.ignore_crossbar = true}).empty());
}

TEST_CASE("checkpoint: ranges of another crossbar are left out, if asked") {
  const ScratchFolder folder;
  const auto mapped = [](int rows) {
    auto model = nn::MakeModel({.name = "mlp", .classes = 3}, Key(1));
    hw::CrossbarSpec spec;
    spec.rows = rows;
    nn::MapToCrossbar(model.get(), nn::EveryLeaf, spec);
    return model;
  };
  const NoGrad off;
  const Tensor x = Tensor::Full({2, 32, 32, 3}, 0.5F);
  const auto a = mapped(64);
  a->Forward(Var(x), {.calibrating = true});
  const auto path = folder / "a.safetensors";
  SaveWeights(path, a->Parameters(), a->Buffers());

  const auto b = mapped(32);
  LoadWeights(path, b->Parameters(), b->Buffers());
  CHECK_THROWS_WITH_AS(b->Forward(Var(x), {}),
                       doctest::Contains("calibrate anew"), Error);
  const auto c = mapped(32);
  LoadWeights(path, c->Parameters(), c->Buffers(), {.ignore_ranges = true});
  CHECK(!nn::IsCalibrated(c.get()));
  CHECK(
      BitEqual(c->Parameters()[0].var.value(), a->Parameters()[0].var.value()));
}

TEST_CASE("checkpoint: a buffer that holds nothing takes what the file has") {
  const ScratchFolder folder;
  const Net a(1);
  const auto path = folder / "w.safetensors";
  SaveWeights(path, a.parameters, a.buffers);
  Net b(2);
  b.range = Tensor();
  CHECK(LoadMessage(path, b).empty());
  CHECK(BitEqual(b.range, a.range));

  b.range = Tensor();
  const auto without = folder / "without.safetensors";
  SaveWeights(without, b.parameters, b.buffers);
  CHECK(ReadSafetensors(without).Find("conv.crossbar.range") == nullptr);
  CHECK(LoadMessage(without, b).empty());
  CHECK(!b.range.defined());
}

TEST_CASE("checkpoint: a training state resumes exactly") {
  const ScratchFolder folder;
  const auto path = folder / "state.safetensors";
  for (const std::string& name : OptimizerNames()) {
    CAPTURE(name);
    Net whole(1);
    auto optimizer =
        MakeOptimizer(name, DecayGroups(whole.parameters, 0.01, false), {});
    for (uint64_t step = 0; step < 3; ++step) {
      TrainStep(&whole, optimizer.get(), step);
    }
    SaveTrainingState(path, whole.parameters, whole.buffers, optimizer.get(),
                      {.epoch = 2, .step = 3, .values = {{"best", "0.5"}}});
    for (uint64_t step = 3; step < 6; ++step) {
      TrainStep(&whole, optimizer.get(), step);
    }

    Net resumed(9);
    auto again =
        MakeOptimizer(name, DecayGroups(resumed.parameters, 0.01, false), {});
    const TrainingProgress progress = LoadTrainingState(
        path, resumed.parameters, resumed.buffers, again.get());
    CHECK(progress.epoch == 2);
    CHECK(progress.step == 3);
    CHECK(progress.values ==
          std::map<std::string, std::string>{{"best", "0.5"}});
    for (uint64_t step = 3; step < 6; ++step) {
      TrainStep(&resumed, again.get(), step);
    }
    CHECK(resumed.Hash() == whole.Hash());
  }
}

TEST_CASE("checkpoint: a wrong training state changes nothing") {
  const ScratchFolder folder;
  const auto path = folder / "state.safetensors";
  const Net net(1);
  auto sgd = MakeOptimizer("sgd", {{"g", net.parameters}}, {});
  auto adam = MakeOptimizer("adam", {{"g", net.parameters}}, {});
  const auto load = [&](Optimizer* optimizer) {
    return MessageOf([&] {
      LoadTrainingState(path, net.parameters, net.buffers, optimizer);
    });
  };
  const std::string before = net.Hash();
  SaveTrainingState(path, Net(2).parameters, net.buffers, sgd.get(), {});
  CHECK(Contains(load(adam.get()), "missing optimizer.exp_avg.conv.weight"));
  CHECK(before == net.Hash());

  NamedTensors file = ReadSafetensors(path);
  file.metadata["epoch"] = "2x";
  WriteSafetensors(path, file);
  CHECK(Contains(load(sgd.get()), "'epoch', got '2x'"));

  SaveWeights(path, net.parameters, net.buffers);
  const std::string message = load(sgd.get());
  CHECK(Contains(message, path.string()));
  CHECK(Contains(message, "is not a training state"));
  CHECK(before == net.Hash());
}

TEST_CASE("checkpoint: the hash is FNV-1a and sees every change") {
  CHECK(HashWeights({}, {}) == "cbf29ce484222325");
  Net a(1);
  const std::string hash = a.Hash();
  CHECK(hash.size() == 16);
  CHECK(Net(1).Hash() == hash);
  a.mean.data()[3] += 1e-6F;
  CHECK(a.Hash() != hash);
  Net b(1);
  b.parameters[2].name = "fd.weight";
  CHECK(b.Hash() != hash);
}

}  // namespace ohm::train
