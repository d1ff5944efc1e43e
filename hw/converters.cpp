#include "hw/converters.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/kernels/simd.h"
#include "hw/kernels/round.h"
#include "hw/spec.h"

namespace ohm::hw {
namespace {

constexpr int64_t kGrain = 1 << 14;

// Of the bits without the sign, which order like the magnitudes they mean, NaN
// above infinity: unlike a floating maximum this vectorises and keeps a NaN.
OHM_SIMD_CLONES uint32_t MaxAbsBits(const float* x, int64_t n) {
  uint32_t most = 0;
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(x[i]) & 0x7FFFFFFFU;
    most = bits > most ? bits : most;
  }
  return most;
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

OHM_SIMD_CLONES void ValuesLoop(const float* x, float* y, int64_t n,
                                float inverse, float unit, float largest) {
  for (int64_t i = 0; i < n; ++i) {
    y[i] = RoundClipped(x[i] * inverse, largest) * unit;
  }
}

OHM_SIMD_CLONES void MaskLoop(const float* x, float range, float* gx,
                              int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    gx[i] = std::fabs(x[i]) > range ? 0.0F : gx[i];
  }
}

}  // namespace

float StepFor(float range, int bits) {
  return range > 0 ? range / float(LargestCode(bits)) : 1.0F;
}

float MaxAbs(const Tensor& t) {
  std::atomic<uint32_t> most{0};
  ParallelFor(t.count(), kGrain, [&](int64_t begin, int64_t end) {
    const uint32_t part = MaxAbsBits(t.data() + begin, end - begin);
    uint32_t seen = most.load();
    while (part > seen && !most.compare_exchange_weak(seen, part)) {
    }
  });
  const auto value = std::bit_cast<float>(most.load());
  OHM_CHECK(std::isfinite(value),
            "[crossbar] expected finite values, got an infinity or NaN in a "
            "tensor " +
                t.shape().str());
  return value;
}

int QuantizeOne(float value, float step, int largest) {
  return int(RoundClipped(value / step, float(largest)));
}

QuantizedWeights QuantizeWeights(const Tensor& w, int bits) {
  if (bits == 0) return {w.Clone(), 1.0F};
  QuantizedWeights q{Tensor::Empty(w.shape()), StepFor(MaxAbs(w), bits)};
  WeightLoop(w.data(), q.codes.data(), w.count(), q.step,
             float(LargestCode(bits)));
  return q;
}

void InputCodes(const float* x, int64_t count, float step, int bits,
                uint8_t* codes) {
  OHM_ASSERT(bits >= 2 && bits <= 8);
  CodesLoop(x, codes, count, 1.0F / step, float(LargestCode(bits)));
}

void InputValues(const float* x, int64_t count, float step, int bits,
                 float unit, float* values) {
  if (bits == 0) {
    std::copy_n(x, count, values);
  } else {
    ValuesLoop(x, values, count, 1.0F / step, unit, float(LargestCode(bits)));
  }
}

Tensor ApplyDac(const Tensor& x, float range, int bits) {
  if (bits == 0) return x;
  Tensor y = Tensor::Empty(x.shape());
  const float step = StepFor(range, bits);
  ParallelFor(x.count(), kGrain, [&](int64_t begin, int64_t end) {
    InputValues(x.data() + begin, end - begin, step, bits, step,
                y.data() + begin);
  });
  return y;
}

void MaskDacGradient(const Tensor& x, float range, int bits, Tensor* gx) {
  if (bits == 0) return;
  ParallelFor(x.count(), kGrain, [&](int64_t begin, int64_t end) {
    MaskLoop(x.data() + begin, range, gx->data() + begin, end - begin);
  });
}

}  // namespace ohm::hw
