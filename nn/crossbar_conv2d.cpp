#include "nn/crossbar_conv2d.h"

#include <cmath>

#include "core/kernels/conv2d.h"
#include "core/kernels/elementwise.h"
#include "hw/adc.h"
#include "hw/converters.h"

namespace ohm::nn {
namespace {

struct Saved {
  Tensor x, gain;
  hw::Programmed weights;
  hw::Ranges ranges;
  std::vector<hw::Clipped> clipped;
};

// The gradient of the weights as they are in the cells, and of gain 1.
Tensor WeightGradient(const Saved& s, const Tensor& gy) {
  const int largest = hw::LargestInput(s.weights.spec);
  constexpr int kExactInBF16 = 256;
  const bool codes =
      s.x.dtype() == DType::kBF16 && largest > 0 && largest <= kExactInBF16;
  const float step = largest == 0 ? 1.0F : hw::StepFor(s.ranges.input, largest);
  const Tensor xq =
      hw::ApplyDac(s.x, s.ranges.input, largest, codes ? 1.0F : step);
  Tensor gw =
      kernels::Conv2dGradWeight(xq, gy, s.weights.weight_shape, s.weights.conv);
  if (codes) {
    for (float& v : gw.span()) v *= step;
  }
  return gw;
}

Tensor LearnedRangeGradient(const Saved& s, const Tensor& gy) {
  Tensor gradient = hw::RangeGradient(s.x, s.weights, s.ranges, s.gain, gy);
  const double conversions = double(gy.count()) *
                             double(s.weights.map.row_tiles()) /
                             double(gradient.count());
  const double largest =
      hw::LevelsOf(s.weights.spec, s.weights.slicing).largest;
  const auto scale = float(1.0 / std::sqrt(conversions * largest));
  for (float& v : gradient.span()) v *= scale;
  return gradient;
}

std::vector<Tensor> Gradients(const Saved& s, const BackwardCall& call) {
  const Tensor& gy = call.grad_out;
  const hw::Programmed& weights = s.weights;
  Tensor gx, gw, gain, bias, range;
  if (call.Needs(0)) {
    gx = kernels::Conv2dGradInput(gy, hw::ScaledWeights(weights, s.gain),
                                  s.x.shape(), weights.conv);
  }
  if (call.Needs(1)) gw = WeightGradient(s, gy);
  hw::RemoveClipped(s.clipped, s.x, weights, s.ranges, s.gain, gy, &gx, &gw);
  if (gx.defined()) {
    hw::MaskDacGradient(s.x, s.ranges.input, hw::LargestInput(weights.spec),
                        &gx);
  }
  if (gw.defined()) hw::ScaleWeightGradient(weights, s.gain, &gw);
  if (call.Needs(2)) gain = hw::GainGradient(s.x, weights, s.ranges, gy);
  if (call.Needs(3)) bias = kernels::SumRows(gy);
  if (call.Needs(4)) range = LearnedRangeGradient(s, gy);
  return {gx, gw, gain, bias, range};
}

}  // namespace

Var CrossbarConv2d(const CrossbarInputs& inputs, hw::Programmed weights,
                   const hw::Ranges& ranges, hw::Observed* observed) {
  const std::vector<Var> vars{inputs.x, inputs.w, inputs.gain, inputs.bias,
                              inputs.range};
  const Tensor gain = inputs.gain.defined() ? inputs.gain.value() : Tensor();
  hw::Observed own;
  const bool watch = observed != nullptr || WillRecord(vars);
  Tensor y = hw::Forward(inputs.x.value(), weights, ranges, gain,
                         watch ? &own : nullptr);
  if (inputs.bias.defined()) {
    kernels::AddBiasInPlace(&y, inputs.bias.value());
  }
  if (observed != nullptr) *observed = own;
  Saved saved{inputs.x.value(), gain, std::move(weights), ranges,
              std::move(own.clipped)};
  return Record("crossbar_conv2d", std::move(y), vars,
                [saved = std::move(saved)](const BackwardCall& call) {
                  return Gradients(saved, call);
                });
}

}  // namespace ohm::nn
