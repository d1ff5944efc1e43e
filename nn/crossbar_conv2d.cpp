#include "nn/crossbar_conv2d.h"

#include <cmath>
#include <memory>
#include <optional>

#include "core/kernels/conv2d.h"
#include "core/kernels/elementwise.h"
#include "hw/adc.h"
#include "hw/converters.h"

namespace ohm::nn {
namespace {

struct Saved {
  Tensor x, gain;
  std::shared_ptr<const hw::Programmed> cells;
  hw::Ranges ranges;
  std::vector<hw::Clipped> clipped;
  std::optional<hw::PassNoise> noise;
  Tensor range = {};  // as learned; undefined: none is

  const hw::PassNoise* Noise() const { return noise ? &*noise : nullptr; }
};

// `gw` of gain 1, or undefined. Where it is there, a second pass through the
// converters would cost a quarter of a step; where reads draw noise, such a
// pass costs more than computing it (docs/results.md).
Tensor GainGradient(const Saved& s, const Tensor& gw, const Tensor& gy) {
  const bool follows = hw::GainFollowsWeights(*s.cells);
  if (gw.defined() && follows) return hw::GainGradientOf(*s.cells, gw);
  if (!s.noise || !follows) {
    return hw::GainGradient(s.x, *s.cells, s.ranges, gy);
  }
  return hw::GainGradientOf(
      *s.cells, hw::WeightGradient(s.x, *s.cells, s.ranges.input, gy));
}

Tensor LearnedRangeGradient(const Saved& s, const Tensor& gy) {
  Tensor gradient =
      hw::RangeGradient(s.x, *s.cells, s.ranges, s.gain, gy, s.Noise());
  const hw::Slicing& slicing = s.cells->slicing;
  const double planes =
      double(slicing.slices.size()) * double(slicing.cycles.size());
  const double conversions = double(gy.count()) * planes *
                             double(s.cells->map.row_tiles()) /
                             double(gradient.count());
  const double largest = hw::LevelsOf(s.cells->spec, s.cells->slicing).largest;
  const auto scale = float(1.0 / std::sqrt(conversions * largest));
  for (int64_t i = 0; i < gradient.count(); ++i) {
    // The pass took the size of a range that has crossed zero.
    gradient.data()[i] *= s.range.data()[i] < 0 ? -scale : scale;
  }
  return gradient;
}

std::vector<Tensor> Gradients(const Saved& s, const BackwardCall& call) {
  const Tensor& gy = call.grad_out;
  const hw::Programmed& weights = *s.cells;
  Tensor gx, gw, gain, bias, range;
  if (call.Needs(0)) {
    gx = kernels::Conv2dGradInput(gy, hw::ScaledWeights(weights, s.gain),
                                  s.x.shape(), weights.conv);
  }
  if (call.Needs(1)) {
    gw = hw::WeightGradient(s.x, weights, s.ranges.input, gy);
  }
  if (call.Needs(2)) gain = GainGradient(s, gw, gy);
  hw::RemoveClipped(s.clipped, s.x, weights, s.ranges, s.gain, gy, &gx, &gw);
  if (gx.defined()) {
    hw::MaskDacGradient(s.x, s.ranges.input, hw::LargestInput(weights.spec),
                        &gx);
  }
  if (gw.defined()) {
    hw::ScaleWeightGradient(weights, s.gain, &gw);
    hw::AddOffsetGradient(weights, s.ranges.input, s.gain, gy, &gw);
  }
  if (call.Needs(3)) bias = kernels::SumRows(gy);
  if (call.Needs(4)) range = LearnedRangeGradient(s, gy);
  return {gx, gw, gain, bias, range};
}

}  // namespace

Var CrossbarConv2d(const CrossbarInputs& inputs,
                   std::shared_ptr<const hw::Programmed> cells,
                   const hw::Ranges& ranges, hw::Observed* observed,
                   const hw::PassNoise* noise) {
  const std::vector<Var> vars{inputs.x, inputs.w, inputs.gain, inputs.bias,
                              inputs.range};
  const Tensor gain = inputs.gain.defined() ? inputs.gain.value() : Tensor();
  hw::Observed own;
  own.wants_adc = observed != nullptr;
  const bool watch = observed != nullptr || WillRecord(vars);
  Tensor y = hw::Forward(inputs.x.value(), *cells, ranges, gain,
                         watch ? &own : nullptr, noise);
  if (inputs.bias.defined()) {
    kernels::AddBiasInPlace(&y, inputs.bias.value());
  }
  if (observed != nullptr) *observed = own;
  Saved saved{inputs.x.value(),       gain,        std::move(cells), ranges,
              std::move(own.clipped), std::nullopt};
  if (noise != nullptr) saved.noise = *noise;
  if (inputs.range.defined()) saved.range = inputs.range.value();
  return Record("crossbar_conv2d", std::move(y), vars,
                [saved = std::move(saved)](const BackwardCall& call) {
                  return Gradients(saved, call);
                });
}

}  // namespace ohm::nn
