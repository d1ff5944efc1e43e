#include "nn/crossbar_conv2d.h"

#include "core/kernels/conv2d.h"
#include "core/kernels/elementwise.h"
#include "hw/converters.h"

namespace ohm::nn {
namespace {

struct Saved {
  Tensor x, gain;
  hw::Programmed weights;
  hw::Ranges ranges;
  std::vector<hw::Clipped> clipped;
};

std::vector<Tensor> Gradients(const Saved& s, const BackwardCall& call) {
  const Tensor& gy = call.grad_out;
  const hw::Programmed& weights = s.weights;
  const int bits = weights.spec.dac_bits;
  Tensor gx, gw, gain, bias;
  if (call.Needs(0)) {
    gx = kernels::Conv2dGradInput(gy, hw::ScaledWeights(weights, s.gain),
                                  s.x.shape(), weights.conv);
  }
  if (call.Needs(1)) {
    const Tensor xq = hw::ApplyDac(s.x, s.ranges.input, bits);
    gw = kernels::Conv2dGradWeight(xq, gy, weights.weight_shape, weights.conv);
  }
  hw::RemoveClipped(s.clipped, s.x, weights, s.ranges, s.gain, gy, &gx, &gw);
  if (gx.defined()) hw::MaskDacGradient(s.x, s.ranges.input, bits, &gx);
  if (gw.defined()) hw::ScaleWeightGradient(weights, s.gain, &gw);
  if (call.Needs(2)) gain = hw::GainGradient(s.x, weights, s.ranges, gy);
  if (call.Needs(3)) bias = kernels::SumRows(gy);
  return {gx, gw, gain, bias};
}

}  // namespace

Var CrossbarConv2d(const CrossbarInputs& inputs, hw::Programmed weights,
                   const hw::Ranges& ranges, hw::Observed* observed) {
  const std::vector<Var> vars{inputs.x, inputs.w, inputs.gain, inputs.bias};
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
