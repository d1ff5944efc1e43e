// A layer's inputs as the tile kernels read them: what the DACs make of x, with
// the zero padding of the convolution around it. Internal to hw.
//
// Integer: codes + 128, and each group's channels padded to a multiple of 4, so
// that the kernels' quads (4 rows of one array) always lie in one piece. Float:
// values in DAC codes, channels as they are.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/crossbar.h"

namespace ohm::hw {

class InputImage {
 public:
  InputImage(const Tensor& x, const Programmed& weights, float range);

  // Output pixels over all images.
  int64_t pixels() const { return images_ * out_h_ * out_w_; }
  // Layer units of one input code; 1 where the DAC is ideal.
  float step() const { return step_; }

  // Fills to[0 .. count) with where the windows of `count` output pixels from
  // `first` on begin, for one group. T is uint8_t or float, as the weights are
  // integer or not.
  template <typename T>
  void Windows(int64_t group, int64_t first, int64_t count, const T** to) const;

  // Places inside a window, relative to its begin, in entries: of each quad
  // (integer) or of each row (float), in the order of the fan-in.
  const std::vector<int32_t>& places() const { return places_; }

 private:
  template <typename T>
  void Fill(const Tensor& x, T zero);
  template <typename T>
  void FillRow(const float* from, T* to) const;

  Conv2dSpec conv_;
  int64_t images_, h_, w_, in_, out_h_, out_w_;
  int64_t channels_;             // of one group, as stored
  int64_t padded_h_, padded_w_;  // with the convolution's zeros
  float step_ = 1;
  int bits_;
  Tensor values_;  // [n, padded_h, padded_w, groups * channels]
  std::vector<int32_t> places_;
};

}  // namespace ohm::hw
