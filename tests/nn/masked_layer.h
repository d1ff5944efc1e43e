// A small layer to put masks on, and what they make of it.
#pragma once

#include "core/base/random.h"
#include "hw/converters.h"
#include "nn/masks/mask.h"
#include "tests/support/gradient_check.h"

namespace ohm::test {

// A layer whose last row tile and last array are partial.
inline nn::MaskedLayer Layer() {
  nn::MaskedLayer layer;
  layer.weights = RandomTensor({7, 3, 3, 4}, Key(2));
  hw::CrossbarSpec spec;
  spec.rows = 16;
  spec.columns = 4;
  layer.map = hw::TileMap(hw::MatrixOf(layer.weights.shape(), 1), spec);
  layer.largest = hw::LargestWeight(spec);
  layer.range = hw::MaxAbs(layer.weights);
  return layer;
}

// Moves what is trained, as training might.
inline void Disturb(nn::Mask* mask, uint64_t seed) {
  for (const auto& p : mask->Parameters()) {
    const Tensor moved = RandomTensor(p.var.shape(), Key(seed++));
    Var var = p.var;
    const float scale = p.role == nn::Role::kMaskScore ? 0.02F : 1.0F;
    for (int64_t i = 0; i < moved.count(); ++i) {
      var.mutable_value().data()[i] += scale * moved.data()[i];
    }
  }
}

// What the arrays compute with: codes of the weights, and factors.
inline Tensor CodesOf(nn::Mask* mask, const nn::MaskedLayer& layer) {
  const Var w = mask->Weights(Var(layer.weights), {});
  return hw::QuantizeWeights(w.value(), layer.largest, layer.range).codes;
}

}  // namespace ohm::test
