// The loop that all variants of FillNormals share; a variant's file includes it
// behind its `#pragma GCC target`. `Pick` says how 16 lanes look up one of 32
// numbers each:
//   static Floats Of(const float* table, Words index);  // its lowest 5 bits
// Internal to hw/kernels.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "hw/kernels/normal.h"
#include "hw/kernels/normal_table.h"

// Vectors pass between functions that are inlined, never by a call.
#pragma GCC diagnostic ignored "-Wpsabi"
#ifndef OHM_INLINE
#define OHM_INLINE inline __attribute__((always_inline))
#endif

namespace ohm::hw {
namespace {

// Vectors of 16; the compiler makes of them what a machine has.
constexpr int kNormalLanes = 16;
using Ints = int32_t __attribute__((vector_size(64)));
using Words = uint32_t __attribute__((vector_size(64)));
using Floats = float __attribute__((vector_size(64)));

constexpr int kNormalGroup = 8 * kNormalLanes;  // numbers of 16 blocks

OHM_INLINE Words Rotate(Words v, int by) {
  return (v << by) | (v >> (32 - by));
}

// One half of a round: an addition, a rotation, an exclusive or.
OHM_INLINE void Mix(Words* a, Words* b, int by) {
  *a += *b;
  *b = Rotate(*b, by) ^ *a;
}

// Through memory, for gcc 12 builds Words{v, v, ...} lane by lane.
OHM_INLINE Words Broadcast(uint32_t v) {
  uint32_t all[kNormalLanes];
  std::fill_n(all, kNormalLanes, v);
  Words words;
  std::memcpy(&words, all, sizeof(words));
  return words;
}

// Threefry4x32 on 16 counters.
OHM_INLINE void Threefry(const uint32_t (&key)[4], int rounds, Words (&x)[4]) {
  constexpr int kTurns[8][2] = {{10, 26}, {11, 21}, {13, 27}, {23, 5},
                                {6, 20},  {17, 11}, {25, 10}, {18, 20}};
  const uint32_t schedule[5] = {
      key[0], key[1], key[2], key[3],
      0x1BD11BDAU ^ key[0] ^ key[1] ^ key[2] ^ key[3]};
  for (int i = 0; i < 4; ++i) x[i] += Broadcast(schedule[i]);
#pragma GCC unroll 20
  for (int r = 0; r < rounds; ++r) {
    const int other = r % 2 == 0 ? 1 : 3;
    Mix(&x[0], &x[other], kTurns[r % 8][0]);
    Mix(&x[2], &x[4 - other], kTurns[r % 8][1]);
    if (r % 4 != 3) continue;
    const int s = r / 4 + 1;
    for (int i = 0; i < 4; ++i) x[i] += Broadcast(schedule[(s + i) % 5]);
    x[3] += Broadcast(static_cast<uint32_t>(s));
  }
}

// Fused, so rounded alike by every machine that has it: all from AVX2 up.
OHM_INLINE Floats Fma(Floats a, Floats b, Floats c) {
  for (int i = 0; i < kNormalLanes; ++i) {
    a[i] = __builtin_fmaf(a[i], b[i], c[i]);
  }
  return a;
}

// Sixteen numbers; NormalOf for each lane's 16 bits, of which the lowest is the
// sign.
template <typename Pick>
OHM_INLINE Floats NormalsOf(Words bits) {
  const Words odd = bits | 1U;
  const Floats t = __builtin_convertvector(Ints(odd), Floats);
  const Words piece = Words(t) >> kNormalPieceShift;
  Floats z =
      Fma(Pick::Of(kNormalSquare, piece), t, Pick::Of(kNormalSlope, piece));
  z = Fma(z, t, Pick::Of(kNormalConstant, piece));
  return Floats(Words(z) ^ (bits << 31));
}

// Numbers 128 * group .. 128 * group + 127: of each word the lower half, then
// the upper.
template <typename Pick>
OHM_INLINE void FillGroup(const uint32_t (&key)[4], uint64_t group, float* to) {
  constexpr Words lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const uint64_t block = group * kNormalLanes;
  Words x[4] = {Broadcast(static_cast<uint32_t>(block)) + lane,
                Broadcast(static_cast<uint32_t>(block >> 32)), Words{},
                Words{}};
  Threefry(key, kNormalRounds, x);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Floats low = NormalsOf<Pick>(x[i] & 0xFFFFU);
    const Floats high = NormalsOf<Pick>(x[i] >> 16);
    std::memcpy(to + 2 * i * kNormalLanes, &low, sizeof(low));
    std::memcpy(to + (2 * i + 1) * kNormalLanes, &high, sizeof(high));
  }
}

template <typename Pick>
void Fill(uint64_t key, uint64_t stream, int64_t first, int64_t count,
          float* to) {
  const uint32_t words[4] = {
      static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32),
      static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)};
  int64_t done = 0;
  while (done < count) {
    const int64_t at = first + done, within = at % kNormalGroup;
    const int64_t some = std::min(kNormalGroup - within, count - done);
    if (some == kNormalGroup) {
      FillGroup<Pick>(words, uint64_t(at / kNormalGroup), to + done);
    } else {
      float group[kNormalGroup];
      FillGroup<Pick>(words, uint64_t(at / kNormalGroup), group);
      std::copy_n(group + within, some, to + done);
    }
    done += some;
  }
}

}  // namespace
}  // namespace ohm::hw
