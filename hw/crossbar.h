// One layer on crossbars: programming, the forward pass with its conversions,
// and the pieces of its straight-through gradient. A linear layer is a 1x1
// convolution on [n, 1, 1, c].
//
//   xq   = DAC(x)                                   codes * dx
//   p_t  = sum over the rows of row tile t of xq * Wq
//   z_t  = ADC(p_t)                                 codes * range / h
//   y    = sum over t of gain[t, n] * z_t
//
// Where slices or cycles are converted apart (adc_per), p_t is a sum of partial
// products (hw/slicing.h), each converted for itself, and
//
//   z_t  = sum over slices s and cycles c of
//              sign_c * 2^(shift_s + shift_c) * ADC(p_tsc)  -  offsets
//
// added as whole codes. Where no conversion can lose anything all that is p_t
// itself, and computed as such (Shortcut).
//
// With ideal wires and devices the difference of a pair's currents is exactly
// proportional to p_t (hw/reference.h computes it in volts and siemens and is
// what this is tested against). On a chip Wq is what its columns are seen to
// hold (hw/chip.h), and what reads draw is added to p_t before the ADC
// (hw/pass_noise.h). Forward, GainGradient and
// RangeGradient have the same bits at any thread count; with weights and DAC of
// at most 8 bits Forward has them on any machine, too. What is made of
// kernels::Conv2dGradWeight has them at as many threads.
#pragma once

#include <cstdint>
#include <vector>

#include "core/kernels/conv_spec.h"
#include "core/tensor/tensor.h"
#include "hw/chip.h"
#include "hw/correction.h"
#include "hw/geometry.h"
#include "hw/packing.h"
#include "hw/pass_noise.h"
#include "hw/read_noise.h"
#include "hw/slicing.h"
#include "hw/spec.h"

namespace ohm::hw {

// Weights as they sit in the cells. Made anew whenever the weights change;
// costs a pass over them.
struct Programmed {
  CrossbarSpec spec;
  Conv2dSpec conv;
  Shape weight_shape;  // [out, kh, kw, in / groups]
  TileMap map;
  Slicing slicing;        // what is converted apart
  bool lossless = false;  // every conversion gives its sum exactly
  float step = 1;         // weight units per code
  Tensor codes;           // f32 whole numbers, like the weights; ideal: those
  Tensor minus;           // like codes: of the minus arms (hw/rewrite.h), where
                          // that matters; undefined: max(-code, 0)
  Tensor effective;       // f32, like the weights: codes * step; on a chip what
                          // cells and digital correction make of them

  // On a chip (hw/chip.h): the digits that the arrays are seen to hold, f32
  // [slices, out, fan-in], no longer whole numbers; undefined: those of the
  // codes. Sums then count products of codes in parts of 1 / parts, or in steps
  // of their column (sum_scale).
  Tensor cells;
  int parts = 1;
  int64_t faulty_cells = 0;
  Tensor converted;   // effective without the correction; undefined: the same
  Tensor slope;       // of effective by weights, like them; undefined: 1
  PackedNoise noise;  // of a read
  // What the sum of a column is multiplied with on its way to the ADC,
  // [row_tiles, out]; undefined: 1. Writing::attenuation; or, where a byte
  // holds a cell of a chip, the step that the column's cells count.
  Tensor sum_scale;
  // What is added digitally (hw/correction.h): row tile by row tile, for
  // columns with gains; and in one go, which costs less.
  PackedCodes correction, whole_correction;

  // What the kernels read. Integer: s8 digits, for weights and DAC of at most
  // 8 bits; else f32. Rows come in pieces: quads of four channels of one kernel
  // position (integer; the channels of a group are padded to a multiple of 4,
  // and a quad that two row tiles share is in both, with zeros for the other's
  // rows), or single rows (float). Cells on a chip take two digits, in parts of
  // 1/256 of a code where that fits (so a cell is within 1/512 of a code), or
  // one, in steps of their column (hw/column_steps.h).
  bool integer = false;
  int64_t channels = 0;        // of one group, as the kernels see them
  int64_t padded_outputs = 0;  // of one group: a multiple of 16
  std::vector<PackedRowTile> row_tiles;
  // Of all row tiles: which quad or row of a window (kh, kw, channels).
  std::vector<int32_t> pieces;
  Tensor packed;  // [slices, groups, pieces, padded_outputs, 4 or 1]
  Tensor start;   // s32 [slices, groups, row_tiles, padded_outputs]; integer
  // Of a bit-serial slicing: the digits bit by bit (hw/kernels/bit_tile.h).
  // s32 [slices, groups], and of each row tile [arms, digit_bits, words,
  // padded_outputs]; arms: 2 where digits have signs.
  Tensor bits;
  int64_t digit_bits = 0, arms = 1;

  // What is added to a logical column after its conversions, in products of
  // codes: per_input times the sum of the row tile's inputs, plus constant.
  // [groups, row_tiles, padded_outputs]; empty where digits have signs.
  std::vector<int32_t> per_input, constant;
  // Whether a slice of a logical column stores its complement: [slices,
  // groups, row_tiles, padded_outputs]; empty without column_flip.
  std::vector<uint8_t> flipped;
  static constexpr int64_t kOnesColumns = 16;  // the narrowest kernels take
  Tensor ones;  // s8 [pieces, kOnesColumns, 4]: 1 on the rows of a row tile
  Tensor ones_start;  // s32 [row_tiles, kOnesColumns]

  // The bits of one arm of a slice on a row tile; bits must be defined.
  const uint32_t* BitsOf(int64_t slice, int64_t group, int64_t row_tile,
                         int64_t arm) const;
  // Entry of a logical column in the arrays above, output over all groups.
  int64_t At(int64_t row_tile, int64_t output) const;
  int64_t entries() const;  // of one slice
};

// kNever: slices and cycles are converted one by one even where an ADC that
// loses nothing makes that the same as one integer product.
enum class Shortcut : uint8_t { kWhereExact, kNever };

// How weights are written.
struct Writing {
  Shortcut shortcut = Shortcut::kWhereExact;
  // The devices that hold them; null or without effects: ideal ones.
  const LayerOnChip* chip = nullptr;
  FrozenWires* frozen = nullptr;  // as for CellsOnChip
  // The weight that the largest code stands for; larger ones are clipped. 0:
  // the largest of them. A fixed one leaves the cells of all weights that stay
  // as they are, whatever the others become. Not read with ideal weights.
  float range = 0;
  // What pairs hold when w comes, with the same range; a weight then takes one
  // of its cells (hw/rewrite.h). Null: it takes both.
  const Tensor* before = nullptr;
  // The factor that the sum of a column takes on its way to the ADC,
  // [row_tiles, out], above 0; undefined: 1. Only for ideal devices and whole
  // conversions: it stands for devices that are not simulated, as training
  // injects them (nn/crossbar_policy.h).
  Tensor attenuation{};
};

// w [out, kh, kw, in / groups], f32. Error where shapes or spec are wrong.
Programmed Program(const Tensor& w, const Conv2dSpec& conv,
                   const CrossbarSpec& spec, const Writing& writing = {});

// What the converters cover, in the layer's own units.
struct Ranges {
  float input = 0;  // the DAC: largest |x|
  // The ADC: largest magnitude of what it converts, as many as
  // AdcRangeCount(), in the order of AdcRangeOf() (hw/adc.h). Empty: conversion
  // is ideal, as while calibrating. Not read where spec.calibration is
  // full_scale or fixed.
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
  bool wants_adc = true;  // asks for `adc`, which may take as long as all else
  // What each ADC range asks for, in layer units and in the order of
  // Ranges::adc: the largest magnitude of the sums, or what spec.calibration
  // names (a percentile is over 1.6 % too large at most; hw/histogram.h).
  std::vector<float> adc;
  // Ordered by pixel, row tile, output. Empty where slices or cycles are
  // converted apart: a sum that one of them clips still passes its gradient.
  std::vector<Clipped> clipped;
};

// x [n, h, w, c], f32 or bf16 -> y [n, h', w', out] of the same type. gain
// [row_tiles, out] or undefined (all ones). `observed` may be null. Fastest
// with weights and DAC of at most 8 bits and an ADC that is not ideal: partial
// sums are then converted in registers. Observing percentiles or least errors
// costs about as much again.
// `noise`: what reading draws; null: nothing, whatever the devices.
Tensor Forward(const Tensor& x, const Programmed& weights, const Ranges& ranges,
               const Tensor& gain, Observed* observed,
               const PassNoise* noise = nullptr);

// d<y, gy>/d gain: [row_tiles, out], sums of gy * z_t with the converted
// partial sums, which are computed again rather than kept, without noise. x
// and gy f32 or bf16.
Tensor GainGradient(const Tensor& x, const Programmed& weights,
                    const Ranges& ranges, const Tensor& gy);

// d<y, gy>/d of the weights as they are in the cells, of gain 1, as if
// conversions passed every sum on: the convolution's gradient with what the
// DACs drive the rows with. bf16: with their codes, which it holds exactly.
Tensor WeightGradient(const Tensor& x, const Programmed& weights,
                      float input_range, const Tensor& gy);

// GainGradient, to the conversions' rounding, from WeightGradient: here, too,
// conversions count as if they passed every sum on. Costs a pass over the
// weights, and so next to nothing where gw is needed anyway. Requires
// GainFollowsWeights.
Tensor GainGradientOf(const Programmed& weights, const Tensor& gw);

// Not where inputs have an offset and cells are not what was designed: what the
// offset brings through the difference is not taken back digitally.
bool GainFollowsWeights(const Programmed& weights);

// d<y, gy>/d range for each of ranges.adc, [ranges]; 0 with an ideal ADC.
// Straight-through: within the range the derivative of a conversion is (code -
// sum / step) / h, beyond it +-1 (Esser et al., "Learned step size
// quantization", ICLR 2020, eq. 3). `noise`: as Forward drew it.
Tensor RangeGradient(const Tensor& x, const Programmed& weights,
                     const Ranges& ranges, const Tensor& gain, const Tensor& gy,
                     const PassNoise* noise = nullptr);

// The effective weights with every logical column scaled by its gain: what a
// plain convolution needs for the gradient of x. Undefined gain: all ones.
Tensor ScaledWeights(const Programmed& weights, const Tensor& gain);
// The gradient of the weights from that of ScaledWeights: the same scaling, and
// what of a weight's change arrives in its cells (Programmed::slope). With
// offset inputs the rest does not cancel what is taken back digitally for the
// weight: AddOffsetGradient.
void ScaleWeightGradient(const Programmed& weights, const Tensor& gain,
                         Tensor* gw);
// Adds to gw, scaled already, what a weight's designed code takes back of the
// inputs' offset and its cell does not bring: offset times (slope - 1). 0
// without such an offset, or where all of a change arrives.
void AddOffsetGradient(const Programmed& weights, float input_range,
                       const Tensor& gain, const Tensor& gy, Tensor* gw);

// The plain gradients treat every conversion as if it passed its gradient on.
// This takes the clipped ones out again: from gx [n, h, w, c] and gw (like the
// weights), where defined. gw must not have been scaled by the gain yet. x, gy
// and gx f32 or bf16.
void RemoveClipped(const std::vector<Clipped>& clipped, const Tensor& x,
                   const Programmed& weights, const Ranges& ranges,
                   const Tensor& gain, const Tensor& gy, Tensor* gx,
                   Tensor* gw);

}  // namespace ohm::hw
