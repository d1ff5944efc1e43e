// Tensors as oneDNN sees them; for the onednn_*.cpp files alone, for it
// includes oneDNN's header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <dnnl.hpp>

#include "core/kernels/onednn_support.h"

namespace ohm::kernels {

// The tensor's own memory from `byte_offset` on, which must outlive the result.
inline dnnl::memory Wrap(const dnnl::memory::desc& desc, const Tensor& t,
                         int64_t byte_offset = 0) {
  return {desc, OneDnnEngine(), const_cast<std::byte*>(t.raw()) + byte_offset};
}

// Of images [n, h, w, c].
inline dnnl::memory::desc NhwcDesc(const Shape& s, DType dtype) {
  return {dnnl::memory::dims{s[0], s[3], s[1], s[2]},
          static_cast<dnnl::memory::data_type>(OneDnnType(dtype)),
          dnnl::memory::format_tag::nhwc};
}

}  // namespace ohm::kernels
