#include "hw/kernels/patch.h"

#include <algorithm>
#include <cstring>

namespace ohm::hw {

PatchReader::PatchReader(const Shape& x, const Shape& weights,
                         const Conv2dSpec& conv, const PatchLayout& layout)
    : images_(x[0]),
      h_(x[1]),
      w_(x[2]),
      c_(x[3]),
      kh_(weights[1]),
      kw_(weights[2]),
      in_(weights[3]),
      conv_(conv),
      layout_(layout) {
  const Shape y = Conv2dOutputShape(x, weights, conv);
  out_h_ = y[1];
  out_w_ = y[2];
}

// Copies `count` values (or zeros, where `from` is null) to fan-in indices
// from `fan_in_index` on, stepping over the gaps between tiles.
template <typename T>
void PatchReader::Put(const T* from, int64_t count, int64_t fan_in_index,
                      T zero, T* pixel) const {
  while (count > 0) {
    const int64_t tile = fan_in_index / layout_.tile_rows;
    const int64_t row = fan_in_index % layout_.tile_rows;
    const int64_t run = layout_.tile_stride == layout_.tile_rows
                            ? count
                            : std::min(count, layout_.tile_rows - row);
    T* to = pixel + tile * layout_.tile_stride + row;
    if (from == nullptr) {
      std::fill(to, to + run, zero);
    } else {
      std::memcpy(to, from, size_t(run) * sizeof(T));
      from += run;
    }
    fan_in_index += run;
    count -= run;
  }
}

template <typename T>
void PatchReader::Read(const T* x, int64_t group, int64_t first, int64_t count,
                       T zero, T* buffer) const {
  // A whole kernel row lies in one piece where channels are not split into
  // groups and columns follow each other.
  const bool whole_rows = conv_.dil_w == 1 && in_ == c_;
  for (int64_t p = 0; p < count; ++p) {
    const int64_t pixel = first + p;
    const int64_t n = pixel / (out_h_ * out_w_);
    const int64_t i = pixel / out_w_ % out_h_, j = pixel % out_w_;
    const int64_t left = j * conv_.stride_w - conv_.pad_w;
    T* to = buffer + p * layout_.stride;
    for (int64_t a = 0; a < kh_; ++a) {
      const int64_t r = i * conv_.stride_h - conv_.pad_h + a * conv_.dil_h;
      const bool row_inside = r >= 0 && r < h_;
      const T* row = x + ((n * h_ + r) * w_) * c_ + group * in_;
      if (whole_rows && (!row_inside || (left >= 0 && left + kw_ <= w_))) {
        Put(row_inside ? row + left * c_ : nullptr, kw_ * in_, a * kw_ * in_,
            zero, to);
        continue;
      }
      for (int64_t b = 0; b < kw_; ++b) {
        const int64_t col = left + b * conv_.dil_w;
        const bool inside = row_inside && col >= 0 && col < w_;
        Put(inside ? row + col * c_ : nullptr, in_, (a * kw_ + b) * in_, zero,
            to);
      }
    }
  }
}

template void PatchReader::Read(const uint8_t*, int64_t, int64_t, int64_t,
                                uint8_t, uint8_t*) const;
template void PatchReader::Read(const float*, int64_t, int64_t, int64_t, float,
                                float*) const;

}  // namespace ohm::hw
