#include "hw/converters.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/kernels/simd.h"
#include "hw/kernels/round.h"
#include "hw/spec.h"

namespace ohm::hw {
namespace {

constexpr int64_t kGrain = 1 << 14;

OHM_SIMD_CLONES float MaxAbsLoop(const float* x, int64_t n) {
  float most = 0;
  for (int64_t i = 0; i < n; ++i) {
    const float a = std::fabs(x[i]);
    // "not less" keeps a NaN, which compares false.
    most = a <= most ? most : a;
  }
  return most;
}

OHM_SIMD_CLONES void CodesLoop(const float* x, uint8_t* y, int64_t n,
                               float inverse, float largest) {
  for (int64_t i = 0; i < n; ++i) {
    const float code = RoundClipped(x[i] * inverse, largest);
    y[i] = static_cast<uint8_t>(static_cast<int32_t>(code) + 128);
  }
}

OHM_SIMD_CLONES void DacLoop(const float* x, float* y, int64_t n, float inverse,
                             float step, float largest) {
  for (int64_t i = 0; i < n; ++i) {
    y[i] = RoundClipped(x[i] * inverse, largest) * step;
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
  const float most = MaxAbsLoop(t.data(), t.count());
  OHM_CHECK(std::isfinite(most),
            "[crossbar] expected finite values, got an infinity or NaN in a "
            "tensor " +
                t.shape().str());
  return most;
}

int QuantizeOne(float value, float step, int largest) {
  return int(RoundClipped(value / step, float(largest)));
}

QuantizedWeights QuantizeWeights(const Tensor& w, int bits) {
  if (bits == 0) return {w.Clone(), 1.0F};
  QuantizedWeights q{Tensor::Empty(w.shape()), StepFor(MaxAbs(w), bits)};
  for (int64_t i = 0; i < w.count(); ++i) {
    q.codes.data()[i] =
        float(QuantizeOne(w.data()[i], q.step, LargestCode(bits)));
  }
  return q;
}

Tensor QuantizeInput(const Tensor& x, float range, int bits) {
  OHM_ASSERT(bits >= 2 && bits <= 8);
  Tensor codes = Tensor::Empty(x.shape(), DType::kU8);
  const float inverse = 1.0F / StepFor(range, bits);
  ParallelFor(x.count(), kGrain, [&](int64_t begin, int64_t end) {
    CodesLoop(x.data() + begin, codes.data<uint8_t>() + begin, end - begin,
              inverse, float(LargestCode(bits)));
  });
  return codes;
}

Tensor ApplyDac(const Tensor& x, float range, int bits) {
  if (bits == 0) return x;
  Tensor y = Tensor::Empty(x.shape());
  const float step = StepFor(range, bits);
  ParallelFor(x.count(), kGrain, [&](int64_t begin, int64_t end) {
    DacLoop(x.data() + begin, y.data() + begin, end - begin, 1.0F / step, step,
            float(LargestCode(bits)));
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
