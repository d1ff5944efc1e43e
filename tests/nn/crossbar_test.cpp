#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/elementwise.h"
#include "core/ops/softmax_cross_entropy.h"
#include "hw/adc.h"
#include "hw/converters.h"
#include "hw/rewrite.h"
#include "nn/crossbar_conv2d.h"
#include "nn/crossbar_policy.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/masks/pe.h"
#include "nn/models/model.h"
#include "tests/support/data.h"
#include "tests/support/gradient_check.h"
#include "tests/support/near.h"

namespace ohm::test {
namespace {

hw::CrossbarSpec Ideal() {
  hw::CrossbarSpec spec;
  spec.weight_bits = spec.dac_bits = spec.adc_bits = 0;
  return spec;
}

hw::CrossbarSpec Small() {  // several row and column tiles in small layers
  hw::CrossbarSpec spec;
  spec.rows = 16;
  spec.columns = 4;
  return spec;
}

std::unique_ptr<nn::Model> Mapped(const char* name,
                                  const hw::CrossbarSpec& spec) {
  auto model = nn::MakeModel({.name = name, .classes = 5, .width = 4}, Key(31));
  nn::MapToCrossbar(model.get(), nn::EveryLeaf, spec);
  return model;
}

Tensor Images() { return RandomTensor({4, 32, 32, 3}, Key(32)); }

void CalibrateOn(nn::Module* model, const Tensor& images) {
  const NoGrad off;
  model->Forward(Var(images), {.calibrating = true});
}

TEST_CASE("ideal crossbars compute what the digital network computes") {
  for (const char* name : {"resnet8", "lenet5", "mlp"}) {
    INFO("model ", std::string(name));
    const auto digital =
        nn::MakeModel({.name = name, .classes = 5, .width = 4}, Key(31));
    const auto mapped = Mapped(name, Ideal());
    CalibrateOn(mapped.get(), Images());
    CHECK(MaxError(mapped->Forward(Var(Images()), {}).value(),
                   digital->Forward(Var(Images()), {}).value()) < 1e-4);
    const std::vector<int32_t> labels{0, 4, 2, 2};
    for (nn::Model* model : {mapped.get(), digital.get()}) {
      Backward(SoftmaxCrossEntropy(
          model->Forward(Var(Images()), {.training = true}), labels));
    }
    const auto a = mapped->Parameters(), b = digital->Parameters();
    for (size_t i = 0; i < a.size(); ++i) {
      INFO("parameter ", a[i].name);
      CHECK(MaxError(a[i].var.grad(), b[i].var.grad()) < 2e-4);
    }
  }
}

TEST_CASE("quantised crossbars come close to the digital network") {
  const auto digital =
      nn::MakeModel({.name = "resnet8", .classes = 5, .width = 4}, Key(31));
  const auto mapped = Mapped("resnet8", hw::CrossbarSpec());
  CalibrateOn(mapped.get(), Images());
  const Tensor y = mapped->Forward(Var(Images()), {}).value();
  const double error = MaxError(y, digital->Forward(Var(Images()), {}).value());
  CHECK(error > 1e-6);
  CHECK(error < 0.1);
}

TEST_CASE("only the leaves that the predicate accepts are mapped") {
  const auto model = nn::MakeModel({.name = "resnet8"}, Key(1));
  const int mapped = nn::MapToCrossbar(
      model.get(),
      [](const std::string& path, const nn::WeightLayer&) {
        return path != "conv1" && path != "linear";
      },
      hw::CrossbarSpec());
  CHECK(mapped == 6);
  CHECK(nn::CrossbarLeaves(model.get()).size() == 6);
  CHECK(nn::CrossbarLeaves(model.get())[0].path == "layer1.0.conv1");
}

TEST_CASE("a resnet20 takes 98 tiles and 4,400 mask entries at 64x64") {
  const auto model = nn::MakeModel({}, Key(1));
  nn::MapToCrossbar(model.get(), nn::EveryLeaf, hw::CrossbarSpec());
  int64_t arrays = 0, entries = 0;
  for (const auto& leaf : nn::CrossbarLeaves(model.get())) {
    arrays += leaf.Report().arrays;
    if (leaf.path != "linear") entries += leaf.Masked().entries().count();
  }
  CHECK(arrays == 2 * 98);
  CHECK(entries == 4400);
}

TEST_CASE("without calibration evaluation refuses, with the layer's name") {
  const auto model = Mapped("resnet8", hw::CrossbarSpec());
  CHECK_THROWS_WITH_AS(
      model->Forward(Var(Images()), {}),
      "[crossbar] 'conv1' has no converter ranges; calibrate it on data first",
      Error);
}

TEST_CASE("an ideal ADC has no ranges to measure") {
  for (const auto calibration :
       {hw::Calibration::kMax, hw::Calibration::kLeastError}) {
    hw::CrossbarSpec spec;
    spec.adc_bits = 0;
    spec.calibration = calibration;
    const auto model = Mapped("mlp", spec);
    CalibrateOn(model.get(), Images());
    model->Forward(Var(Images()), {.training = true});
    for (const auto& b : model->Buffers()) {
      CAPTURE(b.name);
      CHECK(b.tensor->defined() != b.name.ends_with("adc_range"));
    }
    CHECK(nn::IsCalibrated(model.get()));
    model->Forward(Var(Images()), {});
  }
}

TEST_CASE("ranges follow the data in training and stay in evaluation") {
  const auto model = Mapped("resnet8", Small());
  CalibrateOn(model.get(), Images());
  const auto ranges = [&] {
    std::vector<Tensor> all;
    for (const auto& b : model->Buffers()) {
      if (b.name.find("crossbar") != std::string::npos) {
        all.push_back(b.tensor->Clone());
      }
    }
    return all;
  };
  const auto before = ranges();
  model->Forward(Var(Images()), {});
  const auto same = ranges();
  for (size_t i = 0; i < before.size(); ++i)
    CHECK(BitEqual(before[i], same[i]));
  Tensor brighter = Images();
  for (float& v : brighter.span()) v *= 2.0F;
  model->Forward(Var(brighter), {.training = true});
  CHECK(ranges()[0].item() > before[0].item());
  CHECK(ranges()[0].item() < 2.0F * before[0].item());
}

TEST_CASE("a fresh mask changes no bit, an empty column adds nothing") {
  const auto model = Mapped("resnet8", Small());
  CalibrateOn(model.get(), Images());
  const Tensor plain = model->Forward(Var(Images()), {}).value();
  for (const nn::MaskRow& row : nn::MaskTable()) {
    CAPTURE(row.name);
    for (const auto& leaf : nn::CrossbarLeaves(model.get())) {
      leaf.policy->set_mask(row.make(leaf.Masked(), nn::MaskOptions()));
    }
    CHECK(BitEqual(plain, model->Forward(Var(Images()), {}).value()));
  }
  for (const auto& leaf : nn::CrossbarLeaves(model.get())) {
    leaf.policy->set_mask(
        nn::FindMask("xbm").make(leaf.Masked(), nn::MaskOptions()));
  }
  const auto leaves = nn::CrossbarLeaves(model.get());
  Var scores = leaves[1].policy->mask()->Parameters()[0].var;
  scores.mutable_value().FillZero();  // below the threshold: all off
  CHECK_FALSE(BitEqual(plain, model->Forward(Var(Images()), {}).value()));
}

// A convolution on arrays of 16 x 4, or of one row, with ideal converters.
std::unique_ptr<nn::Conv2d> IdealConv(int rows) {
  auto conv = std::make_unique<nn::Conv2d>(
      nn::Conv2dOptions{.in = 6, .out = 5, .spec = Conv2dSpec::Square(1, 1)},
      Key(3));
  hw::CrossbarSpec spec = Ideal();
  spec.rows = rows;
  spec.columns = 4;
  nn::MapToCrossbar(conv.get(), nn::EveryLeaf, spec);
  CalibrateOn(conv.get(), RandomTensor({2, 5, 5, 6}, Key(4)));
  return conv;
}

TEST_CASE(
    "arrays with masks compute a convolution with the effective weights") {
  const Tensor x = RandomTensor({2, 5, 5, 6}, Key(4));
  for (const nn::MaskRow& row : nn::MaskTable()) {
    CAPTURE(row.name);
    const auto conv = IdealConv(16);
    const auto leaf = nn::CrossbarLeaves(conv.get())[0];
    auto mask = row.make(leaf.Masked(), {});
    if (auto* pes = dynamic_cast<nn::PeMask*>(mask.get())) {
      std::vector<uint8_t> chosen(pes->chosen().size(), 0);
      chosen[1] = chosen[4] = 1;
      pes->Choose(chosen);
    }
    for (const auto& p : mask->Parameters()) {
      const Tensor moved = RandomTensor(p.var.shape(), Key(9));
      Var var = p.var;
      for (int64_t i = 0; i < moved.count(); ++i) {
        var.mutable_value().data()[i] += moved.data()[i];
      }
    }
    Tensor w = mask->Weights(leaf.layer->weight(), {}).value().Clone();
    const Var gain = mask->Gain({});
    const hw::TileMap map = leaf.Map();
    for (int64_t t = 0; gain.defined() && t < map.row_tiles(); ++t) {
      for (int64_t o = 0; o < map.outputs(); ++o) {
        for (const int32_t k : map.RowsOf(t)) {
          w.data()[o * map.matrix().fan_in + k] *=
              gain.value().data()[t * map.outputs() + o];
        }
      }
    }
    leaf.policy->set_mask(std::move(mask));
    const Tensor y = conv->Forward(Var(x), {}).value();
    CHECK(MaxError(y, kernels::Conv2d(x, w, Tensor(), conv->spec())) < 1e-5);
  }
}

TEST_CASE("a chip's pairs keep the cells that a task does not write") {
  const auto model = Mapped("resnet8", Small());
  CalibrateOn(model.get(), Images());
  hw::DeviceSpec device;
  device.thermal_noise.on = true;
  nn::PutOnChip(model.get(), device);
  const auto leaves = nn::CrossbarLeaves(model.get());
  for (const bool one_cell : {true, false}) {
    CAPTURE(one_cell);
    for (const auto& leaf : leaves) {
      auto mask = std::make_unique<nn::PeMask>(
          leaf.Masked(), nn::MaskOptions{.one_cell = one_cell});
      mask->Choose(std::vector<uint8_t>(mask->chosen().size(), 1));
      for (float& w : mask->Parameters()[0].var.mutable_value().span()) {
        w *= -0.5F;  // every sign turns
      }
      leaf.policy->set_mask(std::move(mask));
    }
    {
      const NoGrad off;
      model->Forward(Var(Images()), {});
    }
    for (const auto& leaf : leaves) {
      const hw::Programmed& cells = *leaf.policy->written();
      REQUIRE(cells.minus.defined() == one_cell);
      if (!one_cell) continue;
      const auto layer = leaf.Masked();
      CHECK(BitEqual(cells.minus,
                     hw::MinusArms(cells.codes, layer.weights, layer.range,
                                   leaf.policy->spec())));
    }
  }
}

TEST_CASE("with one row to an array a column mask is an element mask") {
  const Tensor x = RandomTensor({2, 5, 5, 6}, Key(4));
  const auto conv = IdealConv(1);
  const auto leaf = nn::CrossbarLeaves(conv.get())[0];
  const auto logits = [&](const char* kind) {
    auto mask = nn::FindMask(kind).make(leaf.Masked(), {});
    Var scores = mask->Parameters()[0].var;
    CHECK(scores.value().count() == leaf.layer->weight().value().count());
    const bool columns = scores.shape().rank() == 2;  // [fan-in, out]
    const int64_t fan_in = columns ? scores.shape()[0] : 54;
    for (int64_t o = 0; o < 5; ++o) {
      for (int64_t k = 0; k < fan_in; ++k) {
        const int32_t row = columns ? leaf.Map().RowsOf(k)[0] : int32_t(k);
        const bool off = Key(6).Below(uint64_t(o * 54 + row), 3) == 0;
        scores.mutable_value().data()[columns ? k * 5 + o : o * 54 + k] =
            off ? -1.0F : 1.0F;
      }
    }
    leaf.policy->set_mask(std::move(mask));
    return conv->Forward(Var(x), {}).value().Clone();
  };
  const Tensor columns = logits("xbm"), elements = logits("piggyback");
  CHECK(MaxError(columns, elements) < 1e-5);
  leaf.policy->set_mask(nullptr);
  CHECK(MaxError(columns, conv->Forward(Var(x), {}).value()) > 0.1);
}

// A frozen layer with a binary mask of its columns, calibrated.
struct MaskedConv {
  explicit MaskedConv(int64_t images)
      : conv({.in = 6, .out = 5, .spec = Conv2dSpec::Square(1, 1)}, Key(3)),
        x(RandomTensor({images, 5, 5, 6}, Key(4))) {
    nn::MapToCrossbar(&conv, nn::EveryLeaf, Small());
    CalibrateOn(&conv, x);
    conv.Parameters()[0].var.set_requires_grad(false);  // as a backbone's
    const auto leaf = nn::CrossbarLeaves(&conv)[0];
    leaf.policy->set_mask(
        nn::FindMask("xbm").make(leaf.Masked(), nn::MaskOptions()));
    scores = leaf.policy->mask()->Parameters()[0].var;
  }

  nn::Conv2d conv;
  Tensor x;
  Var scores;
};

// The gradient of a mask entry is the exact derivative of the loss in the
// column's gain, with converters switched on: gy times the converted sum.
TEST_CASE("mask gradients are differences of the quantised network") {
  MaskedConv masked(2);
  const Tensor& x = masked.x;
  Var scores = masked.scores;
  const Tensor u = RandomTensor({2, 5, 5, 5}, Key(5));
  const auto loss = [&] {
    const Tensor y = masked.conv.Forward(Var(x), {}).value();
    double sum = 0;
    for (int64_t i = 0; i < y.count(); ++i) {
      sum += double(y.data()[i]) * double(u.data()[i]);
    }
    return sum;
  };
  Backward(masked.conv.Forward(Var(x), {}), u.Clone());
  const Tensor grad = scores.grad().Clone();
  const double on = loss();
  for (int64_t i = 0; i < grad.count(); ++i) {
    const float score = scores.value().data()[i];
    scores.mutable_value().data()[i] = -1.0F;
    CHECK(double(grad.data()[i]) == Near(on - loss(), 1e-3));
    scores.mutable_value().data()[i] = score;
  }
}

TEST_CASE("noise of reads has no share in the gradient of a mask") {
  MaskedConv masked(8);
  const Tensor& x = masked.x;
  Var scores = masked.scores;
  const Tensor u = RandomTensor({8, 5, 5, 5}, Key(5));
  const auto run = [&](double sigma, uint64_t key) {
    hw::DeviceSpec device;
    device.read_noise.sigma = sigma;
    nn::PutOnChip(&masked.conv, device);
    const Var y =
        masked.conv.Forward(Var(x), {.training = true, .noise = Key(key)});
    scores.ClearGrad();
    Backward(y, u.Clone());
    return std::pair(y.value().Clone(), scores.grad().Clone());
  };
  const auto [quiet, exact] = run(0, 1);
  const auto [one, grad_one] = run(0.02, 1);
  const auto [other, grad_other] = run(0.02, 2);
  CHECK_FALSE(BitEqual(one, other));
  CHECK(BitEqual(grad_one, grad_other));
  double difference = 0, size = 0;  // what rounding and clipping take
  for (int64_t i = 0; i < exact.count(); ++i) {
    difference += std::pow(double(exact.data()[i]) - grad_one.data()[i], 2);
    size += std::pow(double(exact.data()[i]), 2);
  }
  CHECK(difference > 0);
  CHECK(std::sqrt(difference / size) < 0.1);
}

// What an offset of the inputs brings through stuck cells is not in the
// gradient of the weights.
TEST_CASE("a gain behind offset inputs has the gradient of what is converted") {
  hw::CrossbarSpec spec;
  spec.encoding = hw::Encoding::kOffset;
  spec.input_sign = hw::InputSign::kOffset;
  spec.adc_per = hw::AdcPer::kCycle;
  spec.cell_bits = 2;
  spec.input_slice_bits = 1;
  spec.adc_bits = 9;
  spec.calibration = hw::Calibration::kFullScale;
  hw::LayerOnChip chip;
  chip.device.stuck_at = {.gmax = 0.1, .gmin = 0.1};
  const Tensor x = RandomTensor({4, 1, 1, 70}, Key(61));
  const Var w(RandomTensor({3, 1, 1, 70}, Key(62)), /*requires_grad=*/true);
  const auto cells = std::make_shared<const hw::Programmed>(
      hw::Program(w.value(), {}, spec, {.chip = &chip}));
  const Var gain(Tensor::Full(cells->map.MaskEntries(), 1.0F),
                 /*requires_grad=*/true);
  const hw::Ranges ranges{4, {}};
  const Tensor gy = RandomTensor({4, 1, 1, 3}, Key(63));
  const Tensor exact = hw::GainGradient(x, *cells, ranges, gy);
  const hw::PassNoise noise{Key(64), 0, {}, {}};
  for (const hw::PassNoise* drawn :
       {static_cast<const hw::PassNoise*>(nullptr), &noise}) {
    Var(gain).ClearGrad();
    Backward(nn::CrossbarConv2d({Var(x), w, gain, Var(), Var()}, cells, ranges,
                                nullptr, drawn),
             gy.Clone());
    CHECK(BitEqual(gain.grad(), exact));
  }
}

TEST_CASE("crossbar layers give the same bits for any thread count") {
  const auto run = [](int threads) {
    SetThreads(threads);
    const auto model = Mapped("lenet5", Small());
    CalibrateOn(model.get(), Images());
    return model->Forward(Var(Images()), {}).value().Clone();
  };
  const Tensor one = run(1);
  CHECK(BitEqual(one, run(2)));
}

TEST_CASE("straight-through gradients stop at clipped inputs") {
  nn::Linear layer(3, 2, Key(6));
  nn::MapToCrossbar(&layer, nn::EveryLeaf, Small());
  CalibrateOn(&layer, Tensor::From({1, 3}, std::vector{1.0F, -1.0F, 0.5F}));
  const Var x(Tensor::From({1, 3}, std::vector{0.7F, -3.0F, 0.2F}), true);
  Backward(layer.Forward(x, {}), Tensor::Full({1, 2}, 1.0F));
  CHECK(x.grad().data()[0] != 0.0F);
  CHECK(x.grad().data()[1] == 0.0F);
  CHECK(x.grad().data()[2] != 0.0F);
}

// A layer whose every sum arrives as a quarter and 1 more.
TEST_CASE("what training injects is there in training only") {
  for (const bool trains : {true, false}) {
    const auto model = Mapped("mlp", Ideal());
    for (const auto& parameter : model->Parameters()) {
      Var var = parameter.var;
      var.set_requires_grad(trains);
    }
    CalibrateOn(model.get(), Images());
    const auto leaf = nn::CrossbarLeaves(model.get()).back();
    const auto logits = [&](bool training) {
      return model->Forward(Var(Images()), {.training = training})
          .value()
          .Clone();
    };
    const Tensor quiet = logits(false);
    const Shape entries = leaf.Map().MaskEntries();
    leaf.policy->set_injection(
        {Tensor::Full(entries, 0.25F), Tensor::Full(entries, 1.0F), {}});
    const Tensor injected = logits(true);
    const Tensor bias = leaf.layer->bias().value();
    for (int64_t i = 0; i < quiet.count(); ++i) {
      const float b = bias.data()[i % 5];
      const float wanted =
          0.25F * (quiet.data()[i] - b) + float(entries[0]) + b;
      CHECK(std::fabs(injected.data()[i] - wanted) < 1e-4F);
    }
    CHECK(std::ranges::equal(logits(false).span(), quiet.span()));
  }
}

TEST_CASE("a head of another size gets ADC ranges of its own") {
  for (const auto calibration :
       {hw::Calibration::kMax, hw::Calibration::kLearned}) {
    hw::CrossbarSpec spec = Small();
    spec.adc_range = hw::AdcRange::kColumn;
    spec.calibration = calibration;
    const auto model = Mapped("resnet8", spec);
    CalibrateOn(model.get(), Images());
    const auto head = [&] { return nn::CrossbarLeaves(model.get()).back(); };
    const int64_t before = hw::AdcRangeCount(head().Map(), spec);
    model->head().Reset(9, Key(1));
    const int64_t wanted = hw::AdcRangeCount(head().Map(), spec);
    CHECK(wanted > before);
    model->Forward(Var(Images()), {.training = true});
    std::vector<nn::NamedParameter> parameters;
    std::vector<nn::NamedBuffer> buffers;
    head().policy->List(&parameters, &buffers);
    const Tensor ranges = calibration == hw::Calibration::kLearned
                              ? parameters[0].var.value()
                              : *buffers[1].tensor;
    REQUIRE(ranges.count() == wanted);
    for (const float r : ranges.span()) CHECK(r > 0);
    const NoGrad off;
    CHECK(model->Forward(Var(Images()), {}).shape() == Shape{4, 9});
  }
}

TEST_CASE("bf16 images go through crossbars as bf16, with the same gradients") {
  const auto layer = nn::SquareConv2d(8, 8, 3, 1, 1, Key(62));
  nn::MapToCrossbar(layer.get(), nn::EveryLeaf, hw::CrossbarSpec());
  const Tensor narrow =
      kernels::Cast(RandomTensor({4, 8, 8, 8}, Key(63)), DType::kBF16);
  if (!kernels::HasBFloat16()) {
    MarkSkipped("this machine's oneDNN has no bf16");
    return;
  }
  CalibrateOn(layer.get(), kernels::Cast(narrow, DType::kF32));
  const auto gradients = [&](DType dtype) {
    const Var x(kernels::Cast(narrow, dtype), /*requires_grad=*/true);
    const Var y = layer->Forward(x, {});
    CHECK(y.value().dtype() == dtype);
    const Tensor gy = kernels::Cast(RandomTensor(y.shape(), Key(64)), dtype);
    Backward(y, gy);
    const Tensor gw = layer->weight().grad().Clone();
    layer->ClearGrads();
    return std::pair(kernels::Cast(x.grad(), DType::kF32), gw);
  };
  const auto [gx32, gw32] = gradients(DType::kF32);
  const auto [gx16, gw16] = gradients(DType::kBF16);
  CHECK(MaxError(gx16, gx32) < 0.02 * double(hw::MaxAbs(gx32)));
  CHECK(MaxError(gw16, gw32) < 0.02 * double(hw::MaxAbs(gw32)));
}

}  // namespace
}  // namespace ohm::test
