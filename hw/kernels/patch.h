// Reading the inputs of a block of output pixels straight from an NHWC image:
// the rows of the unfolded matrix, made block by block in a small buffer and
// never as a whole.
#pragma once

#include <cstdint>

#include "core/kernels/conv_spec.h"
#include "core/tensor/shape.h"

namespace ohm::hw {

// Where the values of one pixel go: row tile after row tile, each padded to
// `tile_stride` entries.
struct PatchLayout {
  int64_t fan_in = 0;       // per group
  int64_t tile_rows = 0;    // rows of a full tile
  int64_t tile_stride = 0;  // >= tile_rows
  int64_t stride = 0;       // entries per pixel: row tiles * tile_stride
};

class PatchReader {
 public:
  // x [n, h, w, c], weights [out, kh, kw, c / groups].
  PatchReader(const Shape& x, const Shape& weights, const Conv2dSpec& conv,
              const PatchLayout& layout);

  int64_t out_pixels() const { return images_ * out_h_ * out_w_; }

  // Fills `buffer` for output pixels first .. first + count - 1 (over all
  // images) and group `group`; `zero` is what padding reads. Entries between
  // tiles are not written. T is one byte (codes) or float.
  template <typename T>
  void Read(const T* x, int64_t group, int64_t first, int64_t count, T zero,
            T* buffer) const;

 private:
  template <typename T>
  void Put(const T* from, int64_t count, int64_t fan_in_index, T zero,
           T* pixel) const;

  int64_t images_, h_, w_, c_, kh_, kw_, in_, out_h_, out_w_;
  Conv2dSpec conv_;
  PatchLayout layout_;
};

}  // namespace ohm::hw
