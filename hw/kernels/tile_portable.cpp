#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "hw/kernels/round.h"
#include "hw/kernels/tile.h"

namespace ohm::hw {
namespace {

constexpr int64_t kLanes = 16;

void AddRemainders(const TileWork& work, int64_t p, int64_t n,
                   uint32_t* total) {
  const TileRemainders& rest = work.remainders;
  for (int64_t s = 0; s < rest.steps; ++s) {
    const uint8_t* window = work.pixels[p] + rest.windows[s];
    const int64_t at = (s * work.columns + n) * 4;
    for (int64_t i = 0; i < kLanes * 4; ++i) {
      const int32_t product =
          int32_t{window[rest.picks[at + i]]} * int32_t{rest.weights[at + i]};
      total[i / 4] += static_cast<uint32_t>(product);
    }
  }
}

// Sums of pixel p in columns n .. n + kLanes - 1.
template <bool kRemainders = false>
void SumsOf(const TileWork& work, int64_t p, int64_t n, int32_t* sums) {
  uint32_t total[kLanes];  // unsigned: may overflow on the way
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    total[lane] = static_cast<uint32_t>(work.start[n + lane]);
  }
  for (int64_t q = 0; q < work.quad_count; ++q) {
    const uint8_t* x = work.pixels[p] + work.quads[q];
    const int8_t* w = work.weights + (q * work.columns + n) * 4;
    const uint32_t place = q < work.high ? 256 : 1;
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      for (int64_t i = 0; i < 4; ++i) {
        total[lane] += place * static_cast<uint32_t>(int32_t{x[i]} *
                                                     int32_t{w[lane * 4 + i]});
      }
    }
  }
  if constexpr (kRemainders) AddRemainders(work, p, n, total);
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    sums[lane] = static_cast<int32_t>(total[lane]);
  }
}

void Sums(const TileWork& work, int32_t* sums) {
  for (int64_t p = 0; p < work.count; ++p) {
    for (int64_t n = 0; n < work.columns; n += kLanes) {
      SumsOf(work, p, n, sums + p * work.columns + n);
    }
  }
}

// Calls visit(pixel, column, magnitude of the sum, value) for every column
// below adc.outputs.
template <typename Visit>
void EachValue(const TileWork& work, const TileAdc& adc, const Visit& visit) {
  int32_t sums[kLanes];
  for (int64_t p = 0; p < work.count; ++p) {
    for (int64_t first = 0; first < adc.outputs; first += kLanes) {
      SumsOf(work, p, first, sums);
      const int64_t end = std::min(first + kLanes, adc.outputs);
      for (int64_t n = first; n < end; ++n) {
        float sum = float(sums[n - first]);
        int32_t size = std::abs(sums[n - first]);
        if (adc.normals != nullptr) {
          sum += adc.normals[p * work.columns + n] * adc.deviation[n] +
                 adc.shift[n];
          size = static_cast<int32_t>(std::ceil(std::fabs(sum)));
        }
        const float code =
            RoundClipped(sum * adc.to_code[n], adc.lowest, adc.largest);
        visit(p, n, size, code * adc.to_value[n]);
      }
    }
  }
}

void Convert(const TileWork& work, const TileAdc& adc, bool first, float* y,
             int64_t stride, int32_t* most) {
  EachValue(work, adc, [&](int64_t p, int64_t n, int32_t size, float value) {
    float& at = y[p * stride + n];
    at = (first ? 0.0F : at) + value;  // never -0, as in the other variants
    if (most != nullptr) most[n] = std::max(most[n], size);
  });
}

void Add(const TileWork& work, const float* to_value, int64_t outputs, float* y,
         int64_t stride) {
  int32_t sums[kLanes];
  for (int64_t p = 0; p < work.count; ++p) {
    for (int64_t first = 0; first < outputs; first += kLanes) {
      SumsOf<true>(work, p, first, sums);
      const int64_t end = std::min(first + kLanes, outputs);
      for (int64_t n = first; n < end; ++n) {
        y[p * stride + n] += float(sums[n - first]) * to_value[n];
      }
    }
  }
}

void Weigh(const TileWork& work, const TileAdc& adc, const float* gy,
           int64_t stride, float* total) {
  EachValue(work, adc,
            [&](int64_t p, int64_t n, int32_t /*size*/, float value) {
              total[n] += value * gy[p * stride + n];
            });
}

}  // namespace

TileKernels PortableTile() {
  return {"portable", true, false, Sums, Convert, Add, Weigh};
}

}  // namespace ohm::hw
