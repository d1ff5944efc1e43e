// A layer's inputs as the tile kernels read them: what the DACs make of x, with
// the zero padding of the convolution around it. Internal to hw.
//
// Integer: one image per cycle (hw/slicing.h) with its digits, plus 128 where
// they have a sign; or one per pass with all bits of its cycles; and each
// group's channels padded to a multiple of 4, so that the kernels' quads (4
// rows of one array) always lie in one piece. Float: one image of values in DAC
// codes, channels as they are.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hw/crossbar.h"

namespace ohm::hw {

class InputImage {
 public:
  // x f32 or bf16. With `whole_bits` the images are those of passes. With
  // `noise` (integer only) the images of what reads draw follow them: of image
  // i, images().size() + weights.noise.images * i and on (hw/read_noise.h).
  InputImage(const Tensor& x, const Programmed& weights, float range,
             bool whole_bits, bool noise);

  // Output pixels over all images.
  int64_t image_pixels() const { return out_h_ * out_w_; }
  int64_t pixels() const { return images_ * out_h_ * out_w_; }
  // Layer units of one input code; 1 where the DAC is ideal.
  float step() const { return step_; }
  // What the codes of one image count for, by sign and shift.
  const std::vector<Digits>& images() const { return weights_of_; }
  // Whether image i holds nothing but zeros, for all inputs are positive: its
  // conversions give 0.
  bool Idle(size_t i) const { return weights_of_[i].sign < 0 && !negative_; }
  // Entries from one image of a sample to the next one.
  int64_t image_stride() const { return image_stride_; }

  // Fills to[0 .. count) with where the windows of `count` output pixels from
  // `first` on begin, for one group, in the first image. T is uint8_t or float,
  // as the weights are integer or not.
  template <typename T>
  void Windows(int64_t group, int64_t first, int64_t count, const T** to) const;

  // Places of pieces (Programmed::pieces) inside a window, in entries from its
  // begin.
  std::vector<int32_t> PlacesOf(const std::vector<int32_t>& pieces) const;
  // Of one row, by its fan-in index.
  int64_t PlaceOf(int64_t fan_in) const;
  // Of Programmed::pieces.
  const std::vector<int32_t>& places() const { return places_; }
  // Code that stands for no voltage in what Windows() gives.
  int32_t zero() const { return zero_; }

 private:
  // Digits of one image by input code + 128; the code of 0 stands for padding.
  using DigitTable = std::array<uint8_t, 256>;

  void SetTables(const Slicing& slicing, bool whole_bits);
  // Of every image of digits, what its noise takes; `to` is a padded row.
  void FillNoise(uint8_t* to) const;
  void FillNoise(float* /*to*/) const {}
  // One padded row of every image. `from` null: nothing but padding.
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
  int64_t image_stride_ = 0, sample_stride_ = 0;
  float step_ = 1;
  int largest_;               // input code
  int64_t kernel_w_, piece_;  // entries of a piece
  int32_t zero_ = 0;
  bool negative_ = true;  // some input has a negative code
  std::vector<DigitTable> tables_;
  std::vector<Digits> weights_of_;
  int64_t noise_images_;  // of each image of digits
  // [n, images, padded_h, padded_w, groups * channels], and a window more.
  Tensor values_;
  std::vector<int32_t> places_;
};

}  // namespace ohm::hw
