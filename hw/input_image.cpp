#include "hw/input_image.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/kernels/float_type.h"
#include "core/kernels/simd.h"
#include "hw/converters.h"
#include "hw/kernels/tile.h"

namespace ohm::hw {
namespace {

constexpr int kZeroCode = 128;

// A row of x as floats: x itself, or `room` filled.
const float* RowAsFloats(const float* row, int64_t /*count*/,
                         std::vector<float>* /*room*/) {
  return row;
}
const float* RowAsFloats(const BFloat16* row, int64_t count,
                         std::vector<float>* room) {
  room->resize(size_t(count));
  for (int64_t i = 0; i < count; ++i) (*room)[size_t(i)] = ToFloat(row[i]);
  return room->data();
}

// What noise takes of digits: magnitudes, ...
OHM_SIMD_CLONES void Magnitudes(const uint8_t* digits, int64_t count,
                                int32_t zero, uint8_t* to) {
  for (int64_t i = 0; i < count; ++i) {
    const auto d = static_cast<int16_t>(digits[i] - zero);
    to[i] = static_cast<uint8_t>(d < 0 ? -d : d);
  }
}

// ... and squares, as two bytes.
OHM_SIMD_CLONES void SplitSquares(const uint8_t* digits, int64_t count,
                                  int32_t zero, uint8_t* high, uint8_t* low) {
  for (int64_t i = 0; i < count; ++i) {
    const auto d = static_cast<int16_t>(digits[i] - zero);
    const auto square = static_cast<uint16_t>(d * d);
    high[i] = static_cast<uint8_t>(square >> 8);
    low[i] = static_cast<uint8_t>(square);
  }
}

// Whether any input has a code below 0.
bool HasNegative(const Tensor& x, float step) {
  std::atomic<bool> found = false;
  kernels::VisitFloatType(x.dtype(), [&](auto type) {
    using T = decltype(type);
    ParallelFor(x.count(), 1 << 14, [&](int64_t begin, int64_t end) {
      const T* values = x.data<T>();
      const bool here = std::any_of(values + begin, values + end, [&](T v) {
        return ToFloat(v) < -0.25F * step;
      });
      if (here) found = true;  // never back to false
    });
  });
  return found;
}

}  // namespace

InputImage::InputImage(const Tensor& x, const Programmed& weights, float range,
                       bool whole_bits, bool noise)
    : conv_(weights.conv),
      largest_(LargestInput(weights.spec)),
      noise_images_(noise && weights.integer ? weights.noise.images : 0) {
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
  if (largest_ != 0) step_ = StepFor(range, largest_);
  kernel_w_ = w[2];
  piece_ = weights.integer ? 4 : 1;
  places_ = PlacesOf(weights.pieces);
  if (weights.integer) {
    SetTables(weights.slicing, whole_bits);
    if (weights.slicing.passes() > 1) negative_ = HasNegative(x, step_);
    Fill<uint8_t>(x);
  } else {
    Fill<float>(x);
  }
}

std::vector<int32_t> InputImage::PlacesOf(
    const std::vector<int32_t>& pieces) const {
  const int64_t each = channels_ / piece_;  // pieces of a kernel position
  std::vector<int32_t> places;
  places.reserve(pieces.size());
  for (const int32_t p : pieces) {
    const int64_t position = p / each;
    const int64_t a = position / kernel_w_, b = position % kernel_w_;
    const int64_t pixel = a * conv_.dil_h * padded_w_ + b * conv_.dil_w;
    places.push_back(static_cast<int32_t>(pixel * conv_.groups * channels_ +
                                          p % each * piece_));
  }
  return places;
}

int64_t InputImage::PlaceOf(int64_t fan_in) const {
  const int64_t position = fan_in / in_, channel = fan_in % in_;
  const int64_t a = position / kernel_w_, b = position % kernel_w_;
  return (a * conv_.dil_h * padded_w_ + b * conv_.dil_w) * conv_.groups *
             channels_ +
         channel;
}

void InputImage::SetTables(const Slicing& slicing, bool whole_bits) {
  const int bias = slicing.signed_inputs ? 128 : 0;
  zero_ = bias;
  const size_t images = whole_bits ? slicing.passes() : slicing.cycles.size();
  const size_t each = slicing.cycles.size() / images;  // cycles of an image
  for (size_t i = 0; i < images; ++i) {
    DigitTable table{};
    for (int code = -largest_; code <= largest_; ++code) {
      int value = bias;
      for (size_t c = i * each; c < (i + 1) * each; ++c) {
        const int shift =
            slicing.cycles[c].shift - slicing.cycles[i * each].shift;
        value += slicing.InputDigit(code, c) * (1 << shift);
      }
      table[size_t(code + kZeroCode)] = static_cast<uint8_t>(value);
    }
    tables_.push_back(table);
    weights_of_.push_back(slicing.cycles[i * each]);
  }
}

// Channels a group does not have get the digit of 0; their weights are 0.
void InputImage::SpreadChannels(const uint8_t* codes, const DigitTable& digits,
                                uint8_t* to) const {
  for (int64_t i = 0; i < w_ * conv_.groups; ++i) {
    for (int64_t c = 0; c < in_; ++c) to[c] = digits[codes[c]];
    std::fill(to + in_, to + channels_, digits[kZeroCode]);
    codes += in_;
    to += channels_;
  }
}

void InputImage::FillRow(const float* from, std::vector<uint8_t>* codes,
                         uint8_t* to) const {
  const int64_t all = conv_.groups * channels_, side = conv_.pad_w * all;
  const int64_t count = w_ * conv_.groups * in_;
  // Signed codes of one cycle are the digits themselves.
  const bool direct = channels_ == in_ && tables_.size() == 1 &&
                      tables_[0][kZeroCode] == kZeroCode;
  if (from != nullptr && !direct) {
    codes->resize(size_t(count));
    InputCodes(from, count, step_, largest_, codes->data());
  }
  for (const DigitTable& digits : tables_) {
    const uint8_t zero = digits[kZeroCode];
    uint8_t* end = to + padded_w_ * all;
    if (from == nullptr) {
      std::fill(to, end, zero);
    } else {
      std::fill(to, to + side, zero);
      if (direct) {
        InputCodes(from, count, step_, largest_, to + side);
      } else {
        SpreadChannels(codes->data(), digits, to + side);
      }
      std::fill(end - side, end, zero);
    }
    to += image_stride_;
  }
}

void InputImage::FillRow(const float* from, std::vector<uint8_t>* /*unused*/,
                         float* to) const {
  const int64_t all = conv_.groups * channels_, side = conv_.pad_w * all;
  std::fill(to, to + padded_w_ * all, 0.0F);
  if (from == nullptr) return;
  InputValues(from, w_ * all, step_, largest_, 1.0F, to + side);
}

void InputImage::FillNoise(uint8_t* to) const {
  if (noise_images_ == 0) return;
  const auto images = int64_t(tables_.size());
  const int64_t count = padded_w_ * conv_.groups * channels_;
  for (int64_t i = 0; i < images; ++i) {
    const uint8_t* digits = to + i * image_stride_;
    uint8_t* noise = to + (images + noise_images_ * i) * image_stride_;
    Magnitudes(digits, count, zero_, noise);
    if (noise_images_ == kLinearImages) continue;
    SplitSquares(digits, count, zero_, noise + image_stride_,
                 noise + 2 * image_stride_);
  }
}

template <typename T>
void InputImage::Fill(const Tensor& x) {
  const int64_t all = conv_.groups * channels_;
  auto images = int64_t(std::max<size_t>(tables_.size(), 1));
  images *= 1 + noise_images_;
  image_stride_ = padded_h_ * padded_w_ * all;
  sample_stride_ = images * image_stride_;
  OHM_CHECK(sample_stride_ < std::numeric_limits<int32_t>::max(),
            "[crossbar] one image is too large: " + x.shape().str());
  // Kernels read whole windows, and of the last one's what lies behind it.
  const int64_t entries = images_ * sample_stride_;
  values_ = Tensor::Empty({entries + kWindowBytes}, DTypeOf<T>());
  std::fill_n(values_.data<T>() + entries, kWindowBytes, T{});
  const int64_t count = w_ * conv_.groups * in_;
  kernels::VisitFloatType(x.dtype(), [&](auto type) {
    const auto* source = x.data<decltype(type)>();
    ParallelFor(images_ * padded_h_, 8, [&](int64_t begin, int64_t end) {
      std::vector<float> room;
      std::vector<uint8_t> codes;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t sample = i / padded_h_, row = i % padded_h_;
        const int64_t r = row - conv_.pad_h;
        const int64_t from = (sample * h_ + r) * count;
        T* to =
            values_.data<T>() + sample * sample_stride_ + row * padded_w_ * all;
        FillRow(r < 0 || r >= h_ ? nullptr
                                 : RowAsFloats(source + from, count, &room),
                &codes, to);
        FillNoise(to);
      }
    });
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
    const int64_t row = i * conv_.stride_h;
    to[p] = base + n * sample_stride_ +
            (row * padded_w_ + j * conv_.stride_w) * all;
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
