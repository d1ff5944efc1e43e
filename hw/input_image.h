// A layer's inputs as the tile kernels read them: what the DACs make of x, with
// the zero padding of the convolution around it. Internal to hw.
//
// Integer: one image per cycle (hw/slicing.h) with its digits, plus 128 where
// they have a sign, and each group's channels padded to a multiple of 4, so
// that the kernels' quads (4 rows of one array) always lie in one piece. Float:
// one image of values in DAC codes, channels as they are.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hw/crossbar.h"

namespace ohm::hw {

class InputImage {
 public:
  // x f32 or bf16.
  InputImage(const Tensor& x, const Programmed& weights, float range);

  // Output pixels over all images.
  int64_t pixels() const { return images_ * out_h_ * out_w_; }
  // Layer units of one input code; 1 where the DAC is ideal.
  float step() const { return step_; }
  // Entries from one cycle's image to the next one's.
  int64_t cycle_stride() const { return cycle_stride_; }

  // Fills to[0 .. count) with where the windows of `count` output pixels from
  // `first` on begin, for one group, in the first cycle. T is uint8_t or float,
  // as the weights are integer or not.
  template <typename T>
  void Windows(int64_t group, int64_t first, int64_t count, const T** to) const;

  // Places of Programmed::pieces inside a window, in entries from its begin.
  const std::vector<int32_t>& places() const { return places_; }

 private:
  // Digits of one cycle by input code + 128; the code of 0 stands for padding.
  using DigitTable = std::array<uint8_t, 256>;

  void SetPlaces(const Programmed& weights);
  void SetTables(const Slicing& slicing);
  // One padded row of every cycle. `from` null: nothing but padding.
  void FillRow(const float* from, std::vector<uint8_t>* codes,
               uint8_t* to) const;
  void FillRow(const float* from, std::vector<uint8_t>* unused,
               float* to) const;
  void SpreadChannels(const uint8_t* codes, const DigitTable& digits,
                      uint8_t* to) const;
  template <typename T>
  void Fill(const Tensor& x);

  Conv2dSpec conv_;
  int64_t images_, h_, w_, in_, out_h_, out_w_;
  int64_t channels_;             // of one group, as stored
  int64_t padded_h_, padded_w_;  // with the convolution's zeros
  int64_t cycle_stride_ = 0;
  float step_ = 1;
  int largest_;  // input code
  std::vector<DigitTable> tables_;
  Tensor values_;  // [cycles, n, padded_h, padded_w, groups * channels]
  std::vector<int32_t> places_;
};

}  // namespace ohm::hw
