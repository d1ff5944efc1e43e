// The products of a block of pixels with one tile's weight codes. Every
// variant gives the same integers; the best one the machine can run is chosen
// at run time, the portable one is the reference of the others.
#pragma once

#include <cstdint>
#include <vector>

namespace ohm::hw {

// out[p * columns + n] = sum over k of x[p * x_stride + k] * w(k, n) for
// p < pixels, k < 4 * row_quads, n < columns; x holds unsigned codes, w signed
// ones, packed as w[(k / 4) * columns * 4 + n * 4 + k % 4]; columns % 16 == 0.
// Exact: 255 * 127 * rows stays below 2^31 for up to 66,000 rows.
using DotU8S8 = void (*)(const uint8_t* x, int64_t x_stride, const int8_t* w,
                         int64_t row_quads, int64_t columns, int64_t pixels,
                         int32_t* out);

void DotPortable(const uint8_t* x, int64_t x_stride, const int8_t* w,
                 int64_t row_quads, int64_t columns, int64_t pixels,
                 int32_t* out);
void DotAvx2(const uint8_t* x, int64_t x_stride, const int8_t* w,
             int64_t row_quads, int64_t columns, int64_t pixels, int32_t* out);
void DotAvx512Vnni(const uint8_t* x, int64_t x_stride, const int8_t* w,
                   int64_t row_quads, int64_t columns, int64_t pixels,
                   int32_t* out);

struct DotVariant {
  const char* name;
  bool supported;  // by this machine
  DotU8S8 run;
};
const std::vector<DotVariant>& DotVariants();  // best first
DotU8S8 BestDot();

// The same for floats: w[k * columns + n], k < rows. For converters beyond 8
// bits and ideal ones.
void DotF32(const float* x, int64_t x_stride, const float* w, int64_t rows,
            int64_t columns, int64_t pixels, float* out);

}  // namespace ohm::hw
