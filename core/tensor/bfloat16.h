// bfloat16: the upper half of a float. Numbers are stored in it and computed
// with as floats.
#pragma once

#include <bit>
#include <cstdint>

namespace ohm {

struct BFloat16 {
  uint16_t bits;
};

inline float ToFloat(float v) { return v; }
inline float ToFloat(BFloat16 v) {
  return std::bit_cast<float>(uint32_t(v.bits) << 16);
}

// Rounds to nearest, ties to even, as the AVX-512 BF16 instructions do; a NaN
// stays a NaN. Written without branches, so that loops over it vectorise.
template <typename T>
T FromFloat(float v);
template <>
inline float FromFloat<float>(float v) {
  return v;
}
template <>
inline BFloat16 FromFloat<BFloat16>(float v) {
  const auto bits = std::bit_cast<uint32_t>(v);
  const uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
  const uint32_t quiet_nan = 0x7FC0U;
  return {uint16_t(v != v ? quiet_nan : rounded)};
}

}  // namespace ohm
