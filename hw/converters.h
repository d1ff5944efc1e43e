// Quantisers of weights and inputs, and the digital side of the DAC. All are
// symmetric: codes -h..h, h = 2^(bits-1) - 1, rounded half to even, clipped.
// bits = 0 is ideal: values pass through. Source: the mapping of PytorX
// (github.com/elliothe/pytorx, layer.py, dac.py); bits = 0 as in CrossSim.
#pragma once

#include <cstdint>

#include "core/tensor/tensor.h"

namespace ohm::hw {

// Size of one code for values up to `range`; 1 where range is 0, so that an
// all-zero layer stays zero. bits >= 2.
float StepFor(float range, int bits);

// Largest |value|; 0 for an empty tensor. Error, saying so, for values that
// are not finite.
float MaxAbs(const Tensor& t);

// The code of one value: round half to even of value / step, in -h..h.
int QuantizeOne(float value, float step, int largest);

// Weight codes as floats (whole numbers), with step max|w| / h; for bits = 0
// the weights themselves with step 1.
struct QuantizedWeights {
  Tensor codes;  // f32, shaped like w
  float step = 1;
};
QuantizedWeights QuantizeWeights(const Tensor& w, int bits);

// Codes + 128 of `count` inputs, for bits in 2..8.
void InputCodes(const float* x, int64_t count, float step, int bits,
                uint8_t* codes);
// Codes of `count` inputs, each times `unit`; the inputs as they are for
// bits = 0.
void InputValues(const float* x, int64_t count, float step, int bits,
                 float unit, float* values);

// What the DAC makes of x, in x's own unit: clipped at +-range and rounded to
// steps of range / h; x itself for bits = 0.
Tensor ApplyDac(const Tensor& x, float range, int bits);

// Straight-through gradient of the DAC: zeroes gx where |x| > range. Nothing
// for bits = 0.
void MaskDacGradient(const Tensor& x, float range, int bits, Tensor* gx);

}  // namespace ohm::hw
