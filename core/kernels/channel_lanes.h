// What the forward and backward loops of batch_norm.h share: how loops walk a
// [rows, channels] block whose channels each have numbers of their own (a
// scale, a running sum).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/batch_norm.h"

namespace ohm::kernels {

// Several rows of few channels are taken at once as one run of `width` values,
// so that the inner loop has enough independent lanes for the widest vectors
// whatever the number of channels is.
struct ChannelLanes {
  int64_t channels;
  int64_t width;   // of a run; a multiple of `channels`
  int64_t block;   // elements of a block; a multiple of `width`
  int64_t count;   // elements in all
  int64_t blocks;  // the last one may be shorter

  explicit ChannelLanes(const Tensor& x)
      : channels(x.size(-1)), count(x.count()) {
    // 128 lanes: eight AVX-512 registers, enough to hide an addition's latency.
    constexpr int64_t kLanes = 128, kBlock = 1 << 14;
    width = channels * ((kLanes + channels - 1) / channels);
    block = width * std::max<int64_t>(1, kBlock / width);
    blocks = (count + block - 1) / block;
  }

  int64_t Elements(int64_t b) const {
    return std::min(block, count - b * block);
  }

  // One value per channel, repeated over a run.
  void Spread(const float* per_channel, std::vector<float>* lanes) const {
    lanes->resize(size_t(width));
    for (int64_t l = 0; l < width; l += channels) {
      std::copy_n(per_channel, channels, lanes->data() + l);
    }
  }
};

// Coefficients per lane; z = gain * (x - mean) + shift.
struct Affine {
  const float *mean, *gain, *shift;
};

class AffineLanes {
 public:
  AffineLanes(const ChannelLanes& lanes, const Normalisation& norm)
      : gain_(Tensor::Empty(norm.scale.shape())) {
    for (int64_t c = 0; c < gain_.count(); ++c) {
      const double variance = double(norm.statistics.variance.data()[c]);
      gain_.data()[c] = float(double(norm.scale.data()[c]) /
                              std::sqrt(variance + double(norm.eps)));
    }
    lanes.Spread(norm.statistics.mean.data(), &mean_);
    lanes.Spread(gain_.data(), &gains_);
    lanes.Spread(norm.shift.data(), &shift_);
  }

  Affine get() const { return {mean_.data(), gains_.data(), shift_.data()}; }
  const Tensor& gain() const { return gain_; }  // [c]

 private:
  Tensor gain_;
  std::vector<float> mean_, gains_, shift_;
};

// Calls body(first element, elements) for every block, in parallel.
template <typename Body>
void EachBlock(const ChannelLanes& lanes, const Body& body) {
  ParallelFor(lanes.blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      body(b * lanes.block, lanes.Elements(b));
    }
  });
}

// Two running sums per lane.
struct LaneSums {
  std::vector<float> first, second;
};

// Runs body(block, LaneSums*) over all blocks, in parallel, and adds the lanes
// of each up per channel: [blocks][2][channels]. Blocks are cut the same way
// for any number of threads.
template <typename Body>
std::vector<double> BlockSums(const ChannelLanes& lanes, const Body& body) {
  const int64_t channels = lanes.channels;
  std::vector<double> all(size_t(lanes.blocks * 2 * channels), 0.0);
  ParallelFor(lanes.blocks, 1, [&](int64_t begin, int64_t end) {
    LaneSums sums;
    for (int64_t b = begin; b < end; ++b) {
      sums.first.assign(size_t(lanes.width), 0.0F);
      sums.second.assign(size_t(lanes.width), 0.0F);
      body(b, &sums);
      double* to = all.data() + b * 2 * channels;
      for (int64_t l = 0; l < lanes.width; ++l) {
        to[l % channels] += double(sums.first[size_t(l)]);
        to[channels + l % channels] += double(sums.second[size_t(l)]);
      }
    }
  });
  return all;
}

}  // namespace ohm::kernels
