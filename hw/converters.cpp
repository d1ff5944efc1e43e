#include "hw/converters.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/kernels/float_type.h"
#include "core/kernels/simd.h"
#include "hw/kernels/round.h"
#include "hw/spec.h"

namespace ohm::hw {
namespace {

constexpr int64_t kGrain = 1 << 14;

// Of the bits without the sign, which order like the magnitudes they mean, NaN
// above infinity: unlike a floating maximum this vectorises and keeps a NaN.
OHM_SIMD_CLONES float MaxAbsLoop(const float* x, int64_t n) {
  uint32_t most = 0;
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(x[i]) & 0x7FFFFFFFU;
    most = bits > most ? bits : most;
  }
  return std::bit_cast<float>(most);
}
OHM_SIMD_CLONES float MaxAbsLoop(const BFloat16* x, int64_t n) {
  uint16_t most = 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto bits = static_cast<uint16_t>(x[i].bits & 0x7FFFU);
    most = bits > most ? bits : most;
  }
  return ToFloat(BFloat16{most});
}

OHM_SIMD_CLONES void WeightLoop(const float* w, float* codes, int64_t n,
                                float step, float largest) {
  for (int64_t i = 0; i < n; ++i) {
    codes[i] = RoundClipped(w[i] / step, largest);
  }
}

OHM_SIMD_CLONES void CodesLoop(const float* x, uint8_t* y, int64_t n,
                               float inverse, float largest) {
  for (int64_t i = 0; i < n; ++i) {
    const float code = RoundClipped(x[i] * inverse, largest);
    y[i] = static_cast<uint8_t>(static_cast<int32_t>(code) + 128);
  }
}

OHM_LOOP_BODY void ApplyBody(const T* x, T* y, int64_t n, float inverse,
                             float unit, float largest) {
  for (int64_t i = 0; i < n; ++i) {
    y[i] = FromFloat<T>(RoundClipped(ToFloat(x[i]) * inverse, largest) * unit);
  }
}
OHM_SIMD_CLONES void ApplyLoop(const float* x, float* y, int64_t n,
                               float inverse, float unit, float largest) {
  ApplyBody(x, y, n, inverse, unit, largest);
}
OHM_SIMD_CLONES void ApplyLoop(const BFloat16* x, BFloat16* y, int64_t n,
                               float inverse, float unit, float largest) {
  ApplyBody(x, y, n, inverse, unit, largest);
}

OHM_SIMD_CLONES void MaskLoop(const float* x, float range, float* gx,
                              int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    gx[i] = std::fabs(x[i]) > range ? 0.0F : gx[i];
  }
}
// Of the bits: a bf16 number is beyond a range where its magnitude's bits
// exceed the range's upper half. 16-bit lanes; as floats this took 6 % of a
// ResNet-20 step.
OHM_SIMD_CLONES void MaskLoop(const BFloat16* x, float range, BFloat16* gx,
                              int64_t n) {
  const auto most = static_cast<uint16_t>(std::bit_cast<uint32_t>(range) >> 16);
  for (int64_t i = 0; i < n; ++i) {
    const auto magnitude = static_cast<uint16_t>(x[i].bits & 0x7FFFU);
    gx[i].bits = magnitude > most ? uint16_t{0} : gx[i].bits;
  }
}

}  // namespace

float StepFor(float range, int largest) {
  return range > 0 ? range / float(largest) : 1.0F;
}

float MaxAbs(const Tensor& t) {
  std::atomic<uint32_t> most{0};
  kernels::VisitFloatType(t.dtype(), [&](auto type) {
    using T = decltype(type);
    ParallelFor(t.count(), kGrain, [&](int64_t begin, int64_t end) {
      const auto part =
          std::bit_cast<uint32_t>(MaxAbsLoop(t.data<T>() + begin, end - begin));
      uint32_t seen = most.load();
      while (part > seen && !most.compare_exchange_weak(seen, part)) {
      }
    });
  });
  const auto value = std::bit_cast<float>(most.load());
  if (!std::isfinite(value)) {
    throw NotFinite(
        "[crossbar] expected finite values, got an infinity or NaN in a "
        "tensor " +
        t.shape().str());
  }
  return value;
}

int QuantizeOne(float value, float step, int largest) {
  return int(RoundClipped(value / step, float(largest)));
}

QuantizedWeights QuantizeWeights(const Tensor& w, int largest, float range) {
  if (largest == 0) return {w.Clone(), 1.0F};
  const float most = MaxAbs(w);  // finite, in any case
  QuantizedWeights q{Tensor::Empty(w.shape()),
                     StepFor(range > 0 ? range : most, largest)};
  WeightLoop(w.data(), q.codes.data(), w.count(), q.step, float(largest));
  return q;
}

void InputCodes(const float* x, int64_t count, float step, int largest,
                uint8_t* codes) {
  OHM_ASSERT(largest >= 1 && largest <= 127);
  CodesLoop(x, codes, count, 1.0F / step, float(largest));
}

void InputValues(const float* x, int64_t count, float step, int largest,
                 float unit, float* values) {
  if (largest == 0) {
    std::copy_n(x, count, values);
  } else {
    ApplyLoop(x, values, count, 1.0F / step, unit, float(largest));
  }
}

Tensor ApplyDac(const Tensor& x, float range, int largest, float unit) {
  if (largest == 0) return x;
  Tensor y = Tensor::Empty(x.shape(), x.dtype());
  const float inverse = 1.0F / StepFor(range, largest);
  kernels::VisitFloatType(x.dtype(), [&](auto type) {
    using T = decltype(type);
    ParallelFor(x.count(), kGrain, [&](int64_t begin, int64_t end) {
      ApplyLoop(x.data<T>() + begin, y.data<T>() + begin, end - begin, inverse,
                unit, float(largest));
    });
  });
  return y;
}

void MaskDacGradient(const Tensor& x, float range, int largest, Tensor* gx) {
  if (largest == 0) return;
  kernels::VisitFloatType(x.dtype(), [&](auto type) {
    using T = decltype(type);
    ParallelFor(x.count(), kGrain, [&](int64_t begin, int64_t end) {
      MaskLoop(x.data<T>() + begin, range, gx->data<T>() + begin, end - begin);
    });
  });
}

}  // namespace ohm::hw
