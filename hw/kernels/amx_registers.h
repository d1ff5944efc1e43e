// The matrix registers of AMX ("tiles" in Intel's words, registers here): 16
// pixels x 16 columns of sums, 16 quads of rows at a time. For tile_amx.cpp, to
// be included inside a region of its target.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "core/kernels/simd.h"

namespace ohm::hw {

constexpr int64_t kPixels = 16;    // of a register
constexpr int64_t kQuads = 16;     // of a register
constexpr int64_t kRowBytes = 64;  // of a register's row
constexpr int64_t kBytes = kPixels * kRowBytes;
constexpr int kLastCodes = 6, kLastWeights = 7;  // of fewer quads

// The header's own macros take literals and do not tell the compiler that they
// read memory.
template <int kRegister>
OHM_INLINE void LoadRegister(const void* from, int64_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
               :
               : "r"(from), "r"(stride), "n"(kRegister)
               : "memory");
}
template <int kRegister>
OHM_INLINE void StoreRegister(void* to, int64_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
               :
               : "r"(to), "r"(stride), "n"(kRegister)
               : "memory");
}
// Weights are signed; codes, too, where they are centred.
template <int kSum, int kLeft, int kRight, bool kCentred>
OHM_INLINE void AddProducts() {
  if constexpr (kCentred) {
    asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0"
                 :
                 : "n"(kSum), "n"(kLeft), "n"(kRight));
  } else {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0"
                 :
                 : "n"(kSum), "n"(kLeft), "n"(kRight));
  }
}

struct alignas(64) RegisterSizes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(RegisterSizes) == 64);

// `last` quads in the last registers, whole ones in the others.
inline RegisterSizes SizesFor(int64_t last) {
  RegisterSizes sizes;
  for (int r = 0; r <= kLastWeights; ++r) {
    sizes.row_bytes[r] = kRowBytes;
    sizes.rows[r] = kPixels;
  }
  sizes.row_bytes[kLastCodes] = static_cast<uint16_t>(last * 4);
  sizes.rows[kLastWeights] = static_cast<uint8_t>(last);
  return sizes;
}

// Gives the registers their sizes; `last` 0: the last ones are not used. To set
// them takes 50 ns, as long as the products of a small layer's block, to ask
// for them 5; so they stay as they are, and are set only where another layer or
// another library has changed them.
inline void Configure(int64_t last) {
  static const auto kSizes = [] {
    std::array<RegisterSizes, kQuads> sizes;
    for (int64_t q = 1; q < kQuads; ++q) sizes[size_t(q)] = SizesFor(q);
    return sizes;
  }();
  RegisterSizes now;
  asm volatile("sttilecfg %0" : "=m"(now));
  if (last == 0) last = std::clamp<int64_t>(now.rows[kLastWeights], 1, 15);
  const RegisterSizes& wanted = kSizes[size_t(last)];
  if (std::memcmp(&now, &wanted, sizeof(now)) == 0) return;
  asm volatile("ldtilecfg %0" : : "m"(wanted));
}

}  // namespace ohm::hw
