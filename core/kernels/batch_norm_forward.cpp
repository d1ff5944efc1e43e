#include "core/kernels/batch_norm.h"
#include "core/kernels/channel_lanes.h"
#include "core/kernels/float_type.h"
#include "core/kernels/simd.h"

namespace ohm::kernels {
namespace {

// Sums and squares of x - pivot; pivot: the first row of the block.
OHM_LOOP_BODY void StatisticsBody(const T* __restrict x, int64_t count,
                                  int64_t width, const float* __restrict pivot,
                                  float* __restrict sum,
                                  float* __restrict square) {
  for (int64_t i = 0; i < count; i += width) {
    const int64_t n = count - i < width ? count - i : width;
    for (int64_t l = 0; l < n; ++l) {
      const float d = ToFloat(x[i + l]) - pivot[l];
      sum[l] += d;
      square[l] += d * d;
    }
  }
}
OHM_SIMD_CLONES void StatisticsLoop(const float* x, int64_t count,
                                    int64_t width, const float* pivot,
                                    float* sum, float* square) {
  StatisticsBody(x, count, width, pivot, sum, square);
}
OHM_SIMD_CLONES void StatisticsLoop(const BFloat16* x, int64_t count,
                                    int64_t width, const float* pivot,
                                    float* sum, float* square) {
  StatisticsBody(x, count, width, pivot, sum, square);
}

template <bool kResidual, bool kRelu, typename T>
[[gnu::always_inline]] inline void NormaliseRuns(const T* x, const T* residual,
                                                 T* __restrict y, int64_t count,
                                                 int64_t width,
                                                 const Affine& a) {
  const float *mean = a.mean, *gain = a.gain, *shift = a.shift;
  for (int64_t i = 0; i < count; i += width) {
    const int64_t n = count - i < width ? count - i : width;
    for (int64_t l = 0; l < n; ++l) {
      float z = gain[l] * (ToFloat(x[i + l]) - mean[l]) + shift[l];
      if (kResidual) z += ToFloat(residual[i + l]);
      if (kRelu) z = z < 0.0F ? 0.0F : z;  // a NaN stays a NaN
      y[i + l] = FromFloat<T>(z);
    }
  }
}
OHM_LOOP_BODY void NormaliseBody(const T* x, const T* residual, T* y,
                                 int64_t count, int64_t width, const Affine& a,
                                 bool relu) {
  if (residual != nullptr) {
    relu ? NormaliseRuns<true, true>(x, residual, y, count, width, a)
         : NormaliseRuns<true, false>(x, residual, y, count, width, a);
  } else {
    relu ? NormaliseRuns<false, true>(x, residual, y, count, width, a)
         : NormaliseRuns<false, false>(x, residual, y, count, width, a);
  }
}
OHM_SIMD_CLONES void NormaliseLoop(const float* x, const float* residual,
                                   float* y, int64_t count, int64_t width,
                                   const Affine& a, bool relu) {
  NormaliseBody(x, residual, y, count, width, a, relu);
}
OHM_SIMD_CLONES void NormaliseLoop(const BFloat16* x, const BFloat16* residual,
                                   BFloat16* y, int64_t count, int64_t width,
                                   const Affine& a, bool relu) {
  NormaliseBody(x, residual, y, count, width, a, relu);
}

// Mean and variance of all blocks together: Chan, Golub, LeVeque, "Updating
// formulae and a pairwise algorithm for computing sample variances" (1979).
ChannelStatistics JoinBlocks(const ChannelLanes& lanes,
                             const std::vector<float>& pivots,
                             const std::vector<double>& sums) {
  const int64_t channels = lanes.channels;
  ChannelStatistics out{Tensor::Empty({channels}), Tensor::Empty({channels})};
  for (int64_t c = 0; c < channels; ++c) {
    double rows = 0, mean = 0, squares = 0;  // squares: around the mean so far
    for (int64_t b = 0; b < lanes.blocks; ++b) {
      const double n = double(lanes.Elements(b) / channels);
      const double* block = sums.data() + b * 2 * channels;
      const double from_pivot = block[c] / n;
      const double apart =
          double(pivots[size_t(b * channels + c)]) + from_pivot - mean;
      squares += block[channels + c] - n * from_pivot * from_pivot +
                 apart * apart * rows * n / (rows + n);
      mean += apart * n / (rows + n);
      rows += n;
    }
    out.mean.data()[c] = float(mean);
    out.variance.data()[c] = float(std::max(squares, 0.0) / rows);
  }
  return out;
}

}  // namespace

ChannelStatistics BatchStatistics(const Tensor& x) {
  const ChannelLanes lanes(x);
  const int64_t channels = lanes.channels;
  std::vector<float> pivots(size_t(lanes.blocks * channels));
  std::vector<double> sums;
  VisitFloatType(x.dtype(), [&]<typename T>(T) {
    const T* px = x.data<T>();
    sums = BlockSums(lanes, [&](int64_t b, LaneSums* s) {
      const T* block = px + b * lanes.block;
      float* pivot = pivots.data() + b * channels;
      for (int64_t c = 0; c < channels; ++c) pivot[c] = ToFloat(block[c]);
      std::vector<float> spread;
      lanes.Spread(pivot, &spread);
      StatisticsLoop(block, lanes.Elements(b), lanes.width, spread.data(),
                     s->first.data(), s->second.data());
    });
  });
  return JoinBlocks(lanes, pivots, sums);
}

Tensor Normalise(const Tensor& x, const Normalisation& norm,
                 const Tensor& residual) {
  const ChannelLanes lanes(x);
  const AffineLanes affine(lanes, norm);
  Tensor y = Tensor::Empty(x.shape(), x.dtype());
  VisitFloatType(x.dtype(), [&]<typename T>(T) {
    const T* px = x.data<T>();
    const T* pr = residual.defined() ? residual.data<T>() : nullptr;
    T* py = y.data<T>();
    EachBlock(lanes, [&](int64_t at, int64_t n) {
      NormaliseLoop(px + at, pr == nullptr ? nullptr : pr + at, py + at, n,
                    lanes.width, affine.get(), norm.relu);
    });
  });
  return y;
}

}  // namespace ohm::kernels
