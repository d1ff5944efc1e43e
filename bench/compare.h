// Inputs for kernels, and how far their results are from the naive twins'.
#pragma once

#include "core/base/random.h"
#include "core/tensor/tensor.h"

namespace ohm::bench {

// Normally distributed numbers, rounded to `dtype` (f32 or bf16). They repeat
// with a prime period: drawing each one would take longer than timing it.
Tensor RandomTensor(const Shape& shape, DType dtype, Key key);

// The same numbers as f32.
Tensor ToF32(const Tensor& t);

// The first `shape` of each of the four axes of t (f32).
Tensor Crop(const Tensor& t, const Shape& shape);

// [n, h, w, c] -> [c', h, w, n] of the first c' = `channels` channels.
Tensor ChannelsToFront(const Tensor& t, int64_t channels);

// Largest difference over the largest element of `expected`; NaN if one is.
double RelativeError(const Tensor& expected, const Tensor& got);

// What is tolerated of it. Sums are rounded to the type at the end only; bf16
// has 8 bits.
double Tolerance(DType dtype);

}  // namespace ohm::bench
