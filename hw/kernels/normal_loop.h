// The loop that all variants of FillNormals share; a variant's file includes it
// behind its `#pragma GCC target`, with kNormalLanes set to what a register
// holds (wider ones the compiler would take apart, and spill: 1.6 ns a number
// with AVX2 instead of 1.0). `Isa` gives the lanes
//   static Floats LookUp(const float* table, Words index);
//     one of 32 numbers each, by the lowest 5 bits of the index;
//   static Floats MultiplyAdd(Floats a, Floats b, Floats c);
//     a * b + c, rounded once, so alike by every machine.
// Internal to hw/kernels.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/kernels/simd.h"
#include "hw/kernels/normal.h"
#include "hw/kernels/normal_table.h"

// Vectors pass between functions that are inlined, never by a call.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace ohm::hw {
namespace {

using Ints = int32_t __attribute__((vector_size(4 * kNormalLanes)));
using Words = uint32_t __attribute__((vector_size(4 * kNormalLanes)));
using Floats = float __attribute__((vector_size(4 * kNormalLanes)));

constexpr int kNormalBlocks = 16;                // of a group
constexpr int kNormalGroup = 8 * kNormalBlocks;  // numbers of a group

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

// Threefry4x32 on as many counters as there are lanes.
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

// A number in each lane; NormalOf for each lane's 16 bits, of which the lowest
// is the sign.
template <typename Isa>
OHM_INLINE Floats NormalsOf(Words bits) {
  const Words odd = bits | 1U;
  const Floats t = __builtin_convertvector(Ints(odd), Floats);
  const Words piece = Words(t) >> kNormalPieceShift;
  Floats z = Isa::MultiplyAdd(Isa::LookUp(kNormalSquare, piece), t,
                              Isa::LookUp(kNormalSlope, piece));
  z = Isa::MultiplyAdd(z, t, Isa::LookUp(kNormalConstant, piece));
  return Floats(Words(z) ^ (bits << 31));
}

// Numbers 128 * group .. 128 * group + 127: of each word of its 16 blocks the
// lower halves, then the upper.
template <typename Isa>
OHM_INLINE void FillGroup(const uint32_t (&key)[4], uint64_t group, float* to) {
  uint32_t lane[kNormalLanes];
  for (int i = 0; i < kNormalLanes; ++i) lane[i] = uint32_t(i);
  Words lanes;
  std::memcpy(&lanes, lane, sizeof(lanes));
  for (int first = 0; first < kNormalBlocks; first += kNormalLanes) {
    const uint64_t block = group * kNormalBlocks + uint64_t(first);
    Words x[4] = {Broadcast(static_cast<uint32_t>(block)) + lanes,
                  Broadcast(static_cast<uint32_t>(block >> 32)), Words{},
                  Words{}};
    Threefry(key, kNormalRounds, x);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const Floats low = NormalsOf<Isa>(x[i] & 0xFFFFU);
      const Floats high = NormalsOf<Isa>(x[i] >> 16);
      float* at = to + 2 * i * kNormalBlocks + first;
      std::memcpy(at, &low, sizeof(low));
      std::memcpy(at + kNormalBlocks, &high, sizeof(high));
    }
  }
}

template <typename Isa>
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
      FillGroup<Isa>(words, uint64_t(at / kNormalGroup), to + done);
    } else {
      float group[kNormalGroup];
      FillGroup<Isa>(words, uint64_t(at / kNormalGroup), group);
      std::copy_n(group + within, some, to + done);
    }
    done += some;
  }
}

}  // namespace
}  // namespace ohm::hw
