// One layer on crossbars: programming, the forward pass with an ADC per tile,
// and the pieces of its straight-through gradient. A linear layer is a 1x1
// convolution on [n, 1, 1, c].
//
//   xq   = DAC(x)                                   codes * dx
//   p_t  = sum over the rows of row tile t of xq * Wq
//   z_t  = ADC_t(p_t)                               codes * range_t / h
//   y    = sum over t of gain[t, n] * z_t
//
// Wires and devices are ideal here, so the difference of a pair's currents is
// exactly proportional to p_t (hw/reference.h computes it in volts and siemens
// and is what this is tested against). Everything below has the same bits at
// any thread count; with weights and DAC of at most 8 bits Forward has them on
// any machine, too.
#pragma once

#include <cstdint>
#include <vector>

#include "core/kernels/conv_spec.h"
#include "core/tensor/tensor.h"
#include "hw/geometry.h"
#include "hw/spec.h"

namespace ohm::hw {

// Weights as they sit in the cells. Made anew whenever the weights change;
// costs a pass over them.
struct Programmed {
  CrossbarSpec spec;
  Conv2dSpec conv;
  Shape weight_shape;  // [out, kh, kw, in / groups]
  TileMap map;
  float step = 1;    // weight units per code
  Tensor effective;  // f32, like the weights: codes * step

  // What the kernels read. Integer: s8 codes, for weights and DAC of at most 8
  // bits; else f32. Rows come in pieces: quads of four channels of one kernel
  // position (integer; the channels of a group are padded to a multiple of 4,
  // and a quad that two row tiles share is in both, with zeros for the other's
  // rows), or single rows (float).
  struct RowTile {
    int64_t first = 0, count = 0;  // pieces
    int64_t at = 0;                // its weights in a group's part of `packed`
  };
  bool integer = false;
  int64_t channels = 0;        // of one group, as the kernels see them
  int64_t padded_outputs = 0;  // of one group: a multiple of 16
  std::vector<RowTile> row_tiles;
  Tensor packed;  // [groups, all pieces, padded_outputs, 4 or 1]
  Tensor start;   // s32 [groups, row_tiles, padded_outputs]; integer only
};
// w [out, kh, kw, in / groups], f32. Error where shapes or spec are wrong.
Programmed Program(const Tensor& w, const Conv2dSpec& conv,
                   const CrossbarSpec& spec);

// What the converters cover, in the layer's own units.
struct Ranges {
  float input = 0;  // the DAC: largest |x|
  // The ADC: largest |p_t|, one per tile (TileMap::TileOf) or one in all.
  // Empty: conversion is ideal, as while calibrating.
  std::vector<float> adc;
};

// A conversion that the ADC clipped.
struct Clipped {
  int64_t pixel;  // output pixel, over all images
  int32_t row_tile;
  int32_t output;
};

// What a forward pass saw.
struct Observed {
  // The range that each tile asks for, in layer units: the largest |p_t|, or
  // the percentile that spec.calibration names (over 1.6 % too large at most;
  // hw/histogram.h).
  std::vector<float> tile_range;
  std::vector<Clipped> clipped;  // ordered by pixel, row tile, output
};

// x [n, h, w, c] -> y [n, h', w', out]. gain [row_tiles, out] or undefined (all
// ones). `observed` may be null. Fastest with weights and DAC of at most 8 bits
// and an ADC that is not ideal: partial sums are then converted in registers.
// Observing percentiles costs about as much again.
Tensor Forward(const Tensor& x, const Programmed& weights, const Ranges& ranges,
               const Tensor& gain, Observed* observed);

// d<y, gy>/d gain: [row_tiles, out], sums of gy * z_t with the converted
// partial sums, which are computed again rather than kept.
Tensor GainGradient(const Tensor& x, const Programmed& weights,
                    const Ranges& ranges, const Tensor& gy);

// The effective weights with every logical column scaled by its gain: what a
// plain convolution needs for the gradient of x. Undefined gain: all ones.
Tensor ScaledWeights(const Programmed& weights, const Tensor& gain);
// The gradient of the weights from that of ScaledWeights: the same scaling.
void ScaleWeightGradient(const Programmed& weights, const Tensor& gain,
                         Tensor* gw);

// The plain gradients treat every conversion as if it passed its gradient on.
// This takes the clipped ones out again: from gx [n, h, w, c] and gw (like the
// weights), where defined. gw must not have been scaled by the gain yet.
void RemoveClipped(const std::vector<Clipped>& clipped, const Tensor& x,
                   const Programmed& weights, const Ranges& ranges,
                   const Tensor& gain, const Tensor& gy, Tensor* gx,
                   Tensor* gw);

}  // namespace ohm::hw
