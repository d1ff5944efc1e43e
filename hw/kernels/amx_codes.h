// AMX's registers take pixels at one stride only, so the codes of a block are
// first copied together; that is a small part of what the products save. For
// tile_amx.cpp, to be included inside a region of its target.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "hw/kernels/amx_registers.h"
#include "hw/kernels/tile.h"

namespace ohm::hw {

// Neighbours in the image that become neighbours in a register's row.
struct Stretch {
  int64_t from, to, quads;  // bytes from a pixel's pointer, to its row
};

inline int64_t BlocksOf(int64_t count, int64_t block) {
  return (count + block - 1) / block;
}

// How many of the first `count` <= 16 quads lie side by side.
OHM_INLINE int64_t SideBySide(const int32_t* quads, int64_t count) {
  const __m512i steps = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 32, 36,
                                          40, 44, 48, 52, 56, 60);
  const __m512i there = _mm512_maskz_loadu_epi32(
      static_cast<__mmask16>((1U << count) - 1), quads);
  const uint32_t equal = _mm512_cmpeq_epi32_mask(
      there, _mm512_add_epi32(steps, _mm512_set1_epi32(quads[0])));
  return std::min<int64_t>(count, __builtin_ctz(~equal));
}

inline void FindStretches(const int32_t* quads, int64_t count,
                          std::vector<Stretch>* stretches) {
  stretches->clear();
  for (int64_t q = 0; q < count;) {
    const int64_t at = q % kQuads;
    int64_t length = SideBySide(quads + q, std::min(count - q, kQuads - at));
    // In sizes that one move copies.
    for (const int64_t size : {16, 8, 4, 1}) {
      if (length >= size) {
        length = size;
        break;
      }
    }
    stretches->push_back({quads[q], q / kQuads * kBytes + at * 4, length});
    q += length;
  }
}

// Centred: a code less 128 is its byte with the highest bit turned.
template <int kQuadsOf, bool kCentred>
OHM_INLINE void Move(const uint8_t* from, uint8_t* to) {
  constexpr char kTurned = kCentred ? char(-128) : char(0);
  if constexpr (kQuadsOf == 16) {
    _mm512_store_si512(to, _mm512_xor_si512(_mm512_loadu_si512(from),
                                            _mm512_set1_epi8(kTurned)));
  } else if constexpr (kQuadsOf == 8) {
    _mm256_storeu_si256(
        reinterpret_cast<__m256i*>(to),
        _mm256_xor_si256(
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)),
            _mm256_set1_epi8(kTurned)));
  } else if constexpr (kQuadsOf == 4) {
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(to),
        _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)),
                      _mm_set1_epi8(kTurned)));
  } else {
    uint32_t quad;
    std::memcpy(&quad, from, sizeof(quad));
    quad ^= kCentred ? 0x80808080U : 0U;
    std::memcpy(to, &quad, sizeof(quad));
  }
}

template <int kQuadsOf, bool kCentred>
void CopyStretch(const TileWork& work, const Stretch& stretch, int64_t of_block,
                 uint8_t* to) {
  to += stretch.to;
  for (int64_t p = 0; p < work.count; p += kPixels, to += of_block) {
    const int64_t count = std::min(kPixels, work.count - p);
    for (int64_t i = 0; i < count; ++i) {
      Move<kQuadsOf, kCentred>(work.pixels[p + i] + stretch.from,
                               to + i * kRowBytes);
    }
  }
}

// codes [blocks of 16 pixels, blocks of 16 quads, 16 pixels, 16 quads]; what
// lies behind the last pixel is left as it is, and its sums are not used.
template <bool kCentred>
void CopyCodes(const TileWork& work, const int32_t* quads, int64_t count,
               std::vector<Stretch>* stretches, uint8_t* codes) {
  FindStretches(quads, count, stretches);
  const int64_t of_block = BlocksOf(count, kQuads) * kBytes;
  for (const Stretch& stretch : *stretches) {
    const auto copy = stretch.quads == 16  ? CopyStretch<16, kCentred>
                      : stretch.quads == 8 ? CopyStretch<8, kCentred>
                      : stretch.quads == 4 ? CopyStretch<4, kCentred>
                                           : CopyStretch<1, kCentred>;
    copy(work, stretch, of_block, codes);
  }
}

}  // namespace ohm::hw
