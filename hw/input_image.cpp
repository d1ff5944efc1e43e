#include "hw/input_image.h"

#include <algorithm>
#include <limits>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/converters.h"

namespace ohm::hw {
namespace {

constexpr uint8_t kZeroCode = 128;

}  // namespace

InputImage::InputImage(const Tensor& x, const Programmed& weights, float range)
    : conv_(weights.conv), bits_(weights.spec.dac_bits) {
  const Shape& w = weights.weight_shape;
  const Shape y = Conv2dOutputShape(x.shape(), w, conv_);
  images_ = x.size(0);
  h_ = x.size(1);
  w_ = x.size(2);
  in_ = w[3];
  out_h_ = y[1];
  out_w_ = y[2];
  channels_ = weights.channels;
  padded_h_ = h_ + 2 * conv_.pad_h;
  padded_w_ = w_ + 2 * conv_.pad_w;
  OHM_CHECK(padded_h_ * padded_w_ * channels_ * conv_.groups <
                std::numeric_limits<int32_t>::max(),
            "[crossbar] one image is too large: " + x.shape().str());
  if (bits_ != 0) step_ = StepFor(range, bits_);

  const int64_t piece = weights.integer ? 4 : 1;
  for (int64_t a = 0; a < w[1]; ++a) {
    for (int64_t b = 0; b < w[2]; ++b) {
      const int64_t column = a * conv_.dil_h * padded_w_ + b * conv_.dil_w;
      for (int64_t c = 0; c < channels_; c += piece) {
        places_.push_back(
            static_cast<int32_t>(column * conv_.groups * channels_ + c));
      }
    }
  }
  if (weights.integer) {
    Fill<uint8_t>(x, kZeroCode);
  } else {
    Fill<float>(x, 0.0F);
  }
}

template <>
void InputImage::FillRow(const float* from, uint8_t* to) const {
  const int64_t count = w_ * conv_.groups * in_;
  if (channels_ == in_) {
    InputCodes(from, count, step_, bits_, to);
    return;
  }
  std::vector<uint8_t> codes(static_cast<size_t>(count));
  InputCodes(from, count, step_, bits_, codes.data());
  const uint8_t* code = codes.data();
  for (int64_t i = 0; i < w_ * conv_.groups; ++i) {
    std::copy_n(code, in_, to);
    std::fill(to + in_, to + channels_, kZeroCode);
    code += in_;
    to += channels_;
  }
}

template <>
void InputImage::FillRow(const float* from, float* to) const {
  InputValues(from, w_ * conv_.groups * in_, step_, bits_, 1.0F, to);
}

template <typename T>
void InputImage::Fill(const Tensor& x, T zero) {
  const int64_t all = conv_.groups * channels_;
  values_ = Tensor::Empty({images_, padded_h_, padded_w_, all}, DTypeOf<T>());
  const int64_t row = padded_w_ * all, side = conv_.pad_w * all;
  ParallelFor(images_ * padded_h_, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T* to = values_.data<T>() + i * row;
      const int64_t r = i % padded_h_ - conv_.pad_h;
      if (r < 0 || r >= h_) {
        std::fill(to, to + row, zero);
        continue;
      }
      const int64_t from = (i / padded_h_ * h_ + r) * w_;
      std::fill(to, to + side, zero);
      FillRow(x.data() + from * conv_.groups * in_, to + side);
      std::fill(to + row - side, to + row, zero);
    }
  });
}

template <typename T>
void InputImage::Windows(int64_t group, int64_t first, int64_t count,
                         const T** to) const {
  const int64_t all = conv_.groups * channels_;
  const T* base = values_.data<T>() + group * channels_;
  int64_t n = first / (out_h_ * out_w_);
  int64_t i = first / out_w_ % out_h_, j = first % out_w_;
  for (int64_t p = 0; p < count; ++p) {
    const int64_t row = n * padded_h_ + i * conv_.stride_h;
    to[p] = base + (row * padded_w_ + j * conv_.stride_w) * all;
    if (++j < out_w_) continue;
    j = 0;
    if (++i < out_h_) continue;
    i = 0;
    ++n;
  }
}

template void InputImage::Windows(int64_t, int64_t, int64_t,
                                  const uint8_t**) const;
template void InputImage::Windows(int64_t, int64_t, int64_t,
                                  const float**) const;

}  // namespace ohm::hw
