// Layers on crossbars against the plain layer, in turn, in one process: what
// the converters' detail costs. The plain layer is the first side of each
// group; ratios are taken pair by pair.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "bench/bench.h"
#include "bench/compare.h"
#include "bench/register_loops.h"
#include "bench/roofline.h"
#include "bench/sides.h"
#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/reference.h"
#include "nn/crossbar_policy.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/models/model.h"

namespace ohm::bench {
namespace {

hw::CrossbarSpec Rows(int rows) {
  hw::CrossbarSpec spec;
  spec.rows = spec.columns = rows;
  return spec;
}

// 8-bit weights in four 2-bit slices of one arm, bit-serial inputs, a
// conversion for each: as in configs/hw/isaac128.toml.
hw::CrossbarSpec Isaac(int adc_bits, bool column_flip) {
  hw::CrossbarSpec spec = Rows(128);
  spec.cell_bits = 2;
  spec.encoding = hw::Encoding::kOffset;
  spec.column_flip = column_flip;
  spec.input_sign = hw::InputSign::kOffset;
  spec.input_slice_bits = 1;
  spec.adc_bits = adc_bits;
  spec.adc_per = hw::AdcPer::kCycle;
  spec.calibration = hw::Calibration::kFullScale;
  return spec;
}

// A result against volts, siemens and amperes, on few enough numbers for the
// naive loops. A conversion within float rounding of a tie may differ by one
// code.
void CheckLayer(const Shape& x_shape, const Shape& w_shape,
                const Conv2dSpec& conv, const hw::CrossbarSpec& spec) {
  const Tensor x = RandomTensor(x_shape, DType::kF32, Key(7));
  const Tensor w = RandomTensor(w_shape, DType::kF32, Key(8));
  const hw::Programmed programmed = hw::Program(w, conv, spec);
  hw::Ranges ranges{3.0F, {}};
  hw::Observed seen;
  hw::Forward(x, programmed, ranges, {}, &seen);
  ranges.adc = seen.adc;
  const Tensor y = hw::Forward(x, programmed, ranges, {}, nullptr);
  const auto expected = hw::reference::Forward(x, w, conv, spec, ranges, {});
  const double error = RelativeError(expected.y, y);
  OHM_CHECK(error <= 1e-2,
            fmt::format("bench crossbar: expected a relative error of at most "
                        "0.01 against the reference, got {}",
                        error));
}

// The convolution that the peers were timed on.
struct ConvWork {
  std::unique_ptr<nn::Conv2d> layer;
  Tensor x, gy;

  explicit ConvWork(const hw::CrossbarSpec* spec)
      : layer(nn::SquareConv2d(64, 64, 3, 1, 1, Key(1))),
        x(RandomTensor({16, 32, 32, 64}, DType::kF32, Key(2))),
        gy(RandomTensor({16, 32, 32, 64}, DType::kF32, Key(3))) {
    if (spec != nullptr) nn::MapToCrossbar(layer.get(), nn::EveryLeaf, *spec);
  }

  void Run(bool backward) {
    const Var input(x, /*requires_grad=*/true);
    const Var y = layer->Forward(input, {.training = true});
    if (!backward) return;
    Backward(y, gy);
    layer->ClearGrads();
  }
};

constexpr double kConvGop = 2e-9 * 16 * 32 * 32 * 64 * 64 * 9;

Side ConvSide(const std::string& name, const hw::CrossbarSpec* spec,
              bool backward) {
  const auto work = std::make_shared<ConvWork>(spec);
  return {name, [work, backward] { work->Run(backward); },
          (backward ? 3 : 1) * kConvGop, "GOP/s",
          spec == nullptr || backward ? 0 : kConvGop};
}

Sides ConvSides(bool backward) {
  const hw::CrossbarSpec rows64 = Rows(64), rows128 = Rows(128);
  for (const auto& spec : {rows64, rows128}) {
    CheckLayer({1, 6, 6, 64}, {64, 3, 3, 64}, Conv2dSpec::Square(1, 1), spec);
  }
  return {ConvSide("plain f32", nullptr, backward),
          ConvSide("64 rows, 8 bits", &rows64, backward),
          ConvSide("128 rows, 8 bits", &rows128, backward)};
}

constexpr int64_t kBatch = 128, kWidth = 512;

Side LinearSide(const std::string& name, const hw::CrossbarSpec& spec,
                hw::Shortcut shortcut) {
  CheckLayer({4, 1, 1, kWidth}, {24, 1, 1, kWidth}, {}, spec);
  const Tensor x = RandomTensor({kBatch, 1, 1, kWidth}, DType::kF32, Key(4));
  const auto programmed = std::make_shared<hw::Programmed>(
      hw::Program(RandomTensor({kWidth, 1, 1, kWidth}, DType::kF32, Key(5)), {},
                  spec, {.shortcut = shortcut}));
  hw::Ranges ranges{3.0F, {}};
  if (hw::CalibratesAdc(spec)) {
    hw::Observed seen;
    hw::Forward(x, *programmed, ranges, {}, &seen);
    ranges.adc = seen.adc;
  }
  const double planes = double(programmed->slicing.slices.size() *
                               programmed->slicing.cycles.size());
  return {name, [=] { hw::Forward(x, *programmed, ranges, {}, nullptr); },
          double(kBatch), "inputs/s",
          2e-9 * planes * double(kBatch * kWidth * kWidth)};
}

Sides LinearSides() {
  const auto plain = std::make_shared<nn::Linear>(kWidth, kWidth, Key(5));
  const Tensor x = RandomTensor({kBatch, kWidth}, DType::kF32, Key(4));
  using enum hw::Shortcut;
  return {
      {"plain f32",
       [=] {
         const NoGrad off;
         plain->Forward(Var(x), {});
       },
       double(kBatch), "inputs/s"},
      LinearSide("128 rows, 8 bits", Rows(128), kWhereExact),
      LinearSide("ISAAC, 8-bit ADC, exact", Isaac(8, true), kWhereExact),
      LinearSide("ISAAC, 8-bit ADC, every conversion", Isaac(8, true), kNever),
      LinearSide("ISAAC without complements, every conversion", Isaac(8, false),
                 kNever),
      LinearSide("ISAAC, 6-bit ADC", Isaac(6, true), kWhereExact)};
}

constexpr double kResNet20Gop = 2e-9 * 40.8e6;  // products of one image

Side InferenceSide(const std::string& name, const hw::CrossbarSpec* spec) {
  const std::shared_ptr<nn::Model> model = nn::MakeModel({}, Key(1));
  const Tensor x = RandomTensor({kBatch, 32, 32, 3}, DType::kF32, Key(2));
  double gop = 0;
  if (spec != nullptr) {
    nn::MapToCrossbar(model.get(), nn::EveryLeaf, *spec);
    const NoGrad off;
    model->Forward(Var(x), {.calibrating = true});
    const hw::Slicing slicing = hw::SlicingOf(*spec);
    gop = kResNet20Gop * double(kBatch) *
          double(slicing.slices.size() * slicing.cycles.size());
  }
  return {name,
          [=] {
            const NoGrad off;
            model->Forward(Var(x), {});
          },
          double(kBatch), "images/s", gop};
}

Sides InferenceSides() {
  const hw::CrossbarSpec rows64 = Rows(64), seven = Isaac(7, true);
  for (const auto& spec : {rows64, seven}) {
    CheckLayer({1, 6, 6, 16}, {16, 3, 3, 16}, Conv2dSpec::Square(1, 1), spec);
  }
  return {InferenceSide("plain f32", nullptr),
          InferenceSide("64 rows, 8 bits", &rows64),
          InferenceSide("ISAAC, 7-bit ADC", &seven)};
}

const std::vector<Group>& Groups() {
  static const std::vector<Group> groups = {
      {"conv 64->64 forward", [] { return ConvSides(false); }},
      {"conv 64->64 forward+backward", [] { return ConvSides(true); }},
      {"linear 512->512 forward", LinearSides},
      {"resnet20 inference", InferenceSides},
  };
  return groups;
}

// 8-bit products and additions in registers, all threads.
double IntegerPeak() {
  const RegisterLoop loop = S8Loop();
  if (loop.run == nullptr) return 0;
  constexpr int64_t kRounds = 2000000;
  const int threads = Threads();
  const Timing timing = Measure(
      [&] {
        ParallelFor(threads, 1, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            OHM_CHECK(loop.run(kRounds) == loop.expected(kRounds),
                      "bench crossbar: the roofline loop miscounts");
          }
        });
      },
      0.3);
  return 1e-6 * double(kRounds) * loop.flop_per_round * threads / timing.min_ms;
}

}  // namespace

void BenchCrossbar(const BenchOptions& options) {
  std::vector<std::string> names;
  for (const Group& group : Groups()) names.emplace_back(group.name);
  const std::vector<size_t> selected = Select(options, "crossbar", names);
  if (options.threads > 0) SetThreads(options.threads);
  const double peak = IntegerPeak();
  if (!options.json && peak > 0) {
    fmt::print("integer peak ({}, in registers): {:.0f} GOP/s\n", S8Loop().name,
               peak);
  }
  for (const size_t i : selected) RunGroup(options, Groups()[i], peak);
}

}  // namespace ohm::bench
