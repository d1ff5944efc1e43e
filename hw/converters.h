// Quantisers of weights and inputs, and the digital side of the DAC. All are
// symmetric: codes -h..h, rounded half to even, clipped; `largest` is h
// (hw/spec.h), and 0 is ideal: values pass through. Source: the mapping of
// PytorX (github.com/elliothe/pytorx, layer.py, dac.py); ideal as in CrossSim.
#pragma once

#include <cstdint>

#include "core/tensor/tensor.h"

namespace ohm::hw {

// Size of one code for values up to `range`; 1 where range is 0, so that an
// all-zero layer stays zero. largest >= 1.
float StepFor(float range, int largest);

// Largest |value|, f32 or bf16; 0 for an empty tensor. NotFinite for values
// that are not finite.
float MaxAbs(const Tensor& t);

// The code of one value: round half to even of value / step, in -h..h.
int QuantizeOne(float value, float step, int largest);

// Weight codes as floats (whole numbers), with step range / h; the weights
// themselves with step 1 where ideal. `range` 0: max|w|.
struct QuantizedWeights {
  Tensor codes;  // f32, shaped like w
  float step = 1;
};
QuantizedWeights QuantizeWeights(const Tensor& w, int largest, float range = 0);

// Codes + 128 of `count` inputs, for largest in 1..127.
void InputCodes(const float* x, int64_t count, float step, int largest,
                uint8_t* codes);
// Codes of `count` inputs, each times `unit`; the inputs as they are where
// ideal.
void InputValues(const float* x, int64_t count, float step, int largest,
                 float unit, float* values);

// What the DAC makes of x (f32 or bf16, and so is the result), times `unit`:
// clipped at +-range and rounded to codes -h..h; x itself where ideal. With a
// unit of the step it is in x's own unit; with 1 codes up to 256 are exact in
// bf16.
Tensor ApplyDac(const Tensor& x, float range, int largest, float unit);

// Straight-through gradient of the DAC: zeroes gx where |x| > range; both of
// one type, f32 or bf16. Nothing where ideal.
void MaskDacGradient(const Tensor& x, float range, int largest, Tensor* gx);

}  // namespace ohm::hw
