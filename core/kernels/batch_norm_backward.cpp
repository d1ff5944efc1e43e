#include <cmath>

#include "core/kernels/batch_norm.h"
#include "core/kernels/channel_lanes.h"
#include "core/kernels/float_type.h"
#include "core/kernels/simd.h"

namespace ohm::kernels {
namespace {

// How the rectifier's gradient is known.
enum class Gate : uint8_t {
  kNone,    // no rectifier
  kInput,   // open where gain * (x - mean) + shift > 0
  kOutput,  // open where y > 0 (a residual was added)
};

// g: gy behind the gate; written where `g_out` is given.
template <Gate gate, bool kWrite, typename T>
[[gnu::always_inline]] inline void GradSumsRuns(
    const T* x, const T* y, const T* gy, T* g_out, int64_t count, int64_t width,
    const Affine& a, float* __restrict sum, float* __restrict product) {
  const float *mean = a.mean, *gain = a.gain, *shift = a.shift;
  for (int64_t i = 0; i < count; i += width) {
    const int64_t n = count - i < width ? count - i : width;
#pragma GCC ivdep  // g_out may be gy: still no dependence between turns
    for (int64_t l = 0; l < n; ++l) {
      const float d = ToFloat(x[i + l]) - mean[l];
      float g = ToFloat(gy[i + l]);
      if (gate == Gate::kInput) g = gain[l] * d + shift[l] > 0.0F ? g : 0.0F;
      if (gate == Gate::kOutput) g = ToFloat(y[i + l]) > 0.0F ? g : 0.0F;
      if (kWrite) g_out[i + l] = FromFloat<T>(g);
      sum[l] += g;
      product[l] += g * d;
    }
  }
}
OHM_LOOP_BODY void GradSumsBody(const T* x, const T* y, const T* gy, T* g_out,
                                int64_t count, int64_t width, const Affine& a,
                                Gate gate, float* sum, float* product) {
  if (gate == Gate::kInput) {
    GradSumsRuns<Gate::kInput, false>(x, y, gy, g_out, count, width, a, sum,
                                      product);
  } else if (gate == Gate::kNone) {
    GradSumsRuns<Gate::kNone, false>(x, y, gy, g_out, count, width, a, sum,
                                     product);
  } else {
    GradSumsRuns<Gate::kOutput, true>(x, y, gy, g_out, count, width, a, sum,
                                      product);
  }
}
OHM_SIMD_CLONES void GradSumsLoop(const float* x, const float* y,
                                  const float* gy, float* g_out, int64_t count,
                                  int64_t width, const Affine& a, Gate gate,
                                  float* sum, float* product) {
  GradSumsBody(x, y, gy, g_out, count, width, a, gate, sum, product);
}
OHM_SIMD_CLONES void GradSumsLoop(const BFloat16* x, const BFloat16* y,
                                  const BFloat16* gy, BFloat16* g_out,
                                  int64_t count, int64_t width, const Affine& a,
                                  Gate gate, float* sum, float* product) {
  GradSumsBody(x, y, gy, g_out, count, width, a, gate, sum, product);
}

// gx = gain * g + slope * (x - mean) + offset, with g behind Gate::kInput where
// `gated` (the other gates have been applied to g before).
template <bool gated, typename T>
[[gnu::always_inline]] inline void GradInputRuns(
    const T* x, const T* g, T* gx, int64_t count, int64_t width,
    const Affine& a, const float* __restrict slope,
    const float* __restrict offset) {
  const float *mean = a.mean, *gain = a.gain, *shift = a.shift;
  for (int64_t i = 0; i < count; i += width) {
    const int64_t n = count - i < width ? count - i : width;
#pragma GCC ivdep  // gx may be g: still no dependence between turns
    for (int64_t l = 0; l < n; ++l) {
      const float d = ToFloat(x[i + l]) - mean[l];
      float v = ToFloat(g[i + l]);
      if (gated) v = gain[l] * d + shift[l] > 0.0F ? v : 0.0F;
      gx[i + l] = FromFloat<T>(gain[l] * v + slope[l] * d + offset[l]);
    }
  }
}
OHM_LOOP_BODY void GradInputBody(const T* x, const T* g, T* gx, int64_t count,
                                 int64_t width, const Affine& a, bool gated,
                                 const float* slope, const float* offset) {
  gated ? GradInputRuns<true>(x, g, gx, count, width, a, slope, offset)
        : GradInputRuns<false>(x, g, gx, count, width, a, slope, offset);
}
OHM_SIMD_CLONES void GradInputLoop(const float* x, const float* g, float* gx,
                                   int64_t count, int64_t width,
                                   const Affine& a, bool gated,
                                   const float* slope, const float* offset) {
  GradInputBody(x, g, gx, count, width, a, gated, slope, offset);
}
OHM_SIMD_CLONES void GradInputLoop(const BFloat16* x, const BFloat16* g,
                                   BFloat16* gx, int64_t count, int64_t width,
                                   const Affine& a, bool gated,
                                   const float* slope, const float* offset) {
  GradInputBody(x, g, gx, count, width, a, gated, slope, offset);
}

Gate GateOf(const NormalisedOutput& output) {
  if (!output.norm.relu) return Gate::kNone;
  return output.has_residual ? Gate::kOutput : Gate::kInput;
}

struct GradSums {
  std::vector<double> g, product;  // per channel, product: g * (x - mean)
};

// Also writes the gated gradient to `g`, behind Gate::kOutput.
GradSums SumGradients(const NormalisedOutput& output, const ChannelLanes& lanes,
                      const Affine& affine, const Tensor& gy, Tensor* g) {
  const Gate gate = GateOf(output);
  std::vector<double> blocks;
  VisitFloatType(gy.dtype(), [&]<typename T>(T) {
    const T *px = output.x.data<T>(), *pg = gy.data<T>();
    const T* py = gate == Gate::kOutput ? output.y.data<T>() : px;
    T* out = g->data<T>();
    blocks = BlockSums(lanes, [&](int64_t b, LaneSums* s) {
      const int64_t at = b * lanes.block;
      GradSumsLoop(px + at, py + at, pg + at, out + at, lanes.Elements(b),
                   lanes.width, affine, gate, s->first.data(),
                   s->second.data());
    });
  });
  const auto channels = size_t(lanes.channels);
  GradSums sums{std::vector(channels, 0.0), std::vector(channels, 0.0)};
  for (size_t i = 0; i < blocks.size(); ++i) {
    auto& to = i / channels % 2 == 0 ? sums.g : sums.product;
    to[i % channels] += blocks[i];
  }
  return sums;
}

double VarianceOf(const NormalisedOutput& output, size_t channel) {
  return double(output.norm.statistics.variance.data()[channel]) +
         double(output.norm.eps);
}

void ParameterGradients(const NormalisedOutput& output, const GradSums& sums,
                        NormalisationGrads* grads) {
  grads->scale = Tensor::Empty(output.norm.scale.shape());
  grads->shift = Tensor::Empty(output.norm.scale.shape());
  for (size_t c = 0; c < sums.g.size(); ++c) {
    grads->shift.data()[c] = float(sums.g[c]);
    grads->scale.data()[c] =
        float(sums.product[c] / std::sqrt(VarianceOf(output, c)));
  }
}

void InputGradient(const NormalisedOutput& output, const ChannelLanes& lanes,
                   const AffineLanes& affine, const GradSums& sums,
                   const Tensor& g, Tensor* gx) {
  std::vector<float> slope(size_t(lanes.channels), 0.0F), offset = slope;
  if (output.batch_statistics) {  // mean and variance moved with x
    const double rows = double(lanes.count / lanes.channels);
    for (size_t c = 0; c < slope.size(); ++c) {
      const double share = double(affine.gain().data()[c]) / rows;
      offset[c] = float(-share * sums.g[c]);
      slope[c] = float(-share * sums.product[c] / VarianceOf(output, c));
    }
  }
  std::vector<float> slopes, offsets;
  lanes.Spread(slope.data(), &slopes);
  lanes.Spread(offset.data(), &offsets);
  const bool gated = GateOf(output) == Gate::kInput;
  VisitFloatType(g.dtype(), [&]<typename T>(T) {
    const T *px = output.x.data<T>(), *pg = g.data<T>();
    T* out = gx->data<T>();
    EachBlock(lanes, [&](int64_t at, int64_t n) {
      GradInputLoop(px + at, pg + at, out + at, n, lanes.width, affine.get(),
                    gated, slopes.data(), offsets.data());
    });
  });
}

}  // namespace

NormalisationGrads NormaliseBackward(const NormalisedOutput& output, Tensor gy,
                                     const NormalisationNeeds& needs) {
  const ChannelLanes lanes(output.x);
  const AffineLanes affine(lanes, output.norm);
  const bool writes_g = GateOf(output) == Gate::kOutput;
  bool g_is_ours = gy.unique();
  Tensor g = gy;
  if (writes_g && !g_is_ours) {
    g = Tensor::Empty(gy.shape(), gy.dtype());
    g_is_ours = true;
  }
  NormalisationGrads grads;
  GradSums sums;
  if (needs.parameters || output.batch_statistics || writes_g) {
    sums = SumGradients(output, lanes, affine.get(), gy, &g);
  }
  if (needs.parameters) ParameterGradients(output, sums, &grads);
  if (needs.residual && output.has_residual) {
    grads.residual = g;
    g_is_ours = false;
  }
  if (needs.x) {
    grads.x = g_is_ours ? g : Tensor::Empty(g.shape(), g.dtype());
    InputGradient(output, lanes, affine, sums, g, &grads.x);
  }
  return grads;
}

}  // namespace ohm::kernels
