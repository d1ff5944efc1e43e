#include "hw/kernels/normal.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/kernels/simd.h"

// Vectors pass between functions that are inlined, never by a call.
#pragma GCC diagnostic ignored "-Wpsabi"
#define OHM_INLINE inline __attribute__((always_inline))

namespace ohm::hw {
namespace {

// Vectors of 16; the compiler makes of them what a machine has.
constexpr int kLanes = 16;
using Ints = int32_t __attribute__((vector_size(64)));
using Words = uint32_t __attribute__((vector_size(64)));
using Floats = float __attribute__((vector_size(64)));

constexpr int kGroup = 8 * kLanes;  // numbers of 16 Threefry blocks

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
  uint32_t all[kLanes];
  std::fill_n(all, kLanes, v);
  Words words;
  std::memcpy(&words, all, sizeof(words));
  return words;
}

// Threefry4x32 with kRounds rounds on 16 counters.
template <int kRounds>
OHM_INLINE void Threefry(const uint32_t (&key)[4], Words (&x)[4]) {
  constexpr int kTurns[8][2] = {{10, 26}, {11, 21}, {13, 27}, {23, 5},
                                {6, 20},  {17, 11}, {25, 10}, {18, 20}};
  const uint32_t schedule[5] = {
      key[0], key[1], key[2], key[3],
      0x1BD11BDAU ^ key[0] ^ key[1] ^ key[2] ^ key[3]};
  for (int i = 0; i < 4; ++i) x[i] += Broadcast(schedule[i]);
#pragma GCC unroll 20
  for (int r = 0; r < kRounds; ++r) {
    const int other = r % 2 == 0 ? 1 : 3;
    Mix(&x[0], &x[other], kTurns[r % 8][0]);
    Mix(&x[2], &x[4 - other], kTurns[r % 8][1]);
    if (r % 4 != 3) continue;
    const int s = r / 4 + 1;
    for (int i = 0; i < 4; ++i) x[i] += Broadcast(schedule[(s + i) % 5]);
    x[3] += Broadcast(static_cast<uint32_t>(s));
  }
}

OHM_INLINE Floats ToFloats(Ints v) {
  return __builtin_convertvector(v, Floats);
}

// Fused, so rounded alike by every machine that has it: all from AVX2 up.
OHM_INLINE Floats Fma(Floats a, Floats b, Floats c) {
  for (int i = 0; i < kLanes; ++i) a[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return a;
}
OHM_INLINE Floats Fma(Floats a, Floats b, float c) {
  return Fma(a, b, Floats{} + c);
}

OHM_INLINE Floats Root(Floats v) {
  for (int i = 0; i < kLanes; ++i) v[i] = __builtin_sqrtf(v[i]);
  return v;
}

// sqrt(-2 ln u) of u = (upper 20 bits + 1/2) / 2^20. The logarithm: u = m * 2^e
// with m in [sqrt(1/2), sqrt(2)), ln m within 2e-6 by a polynomial through
// Chebyshev's points.
OHM_INLINE Floats Radius(Words bits) {
  const Floats u =
      Fma(ToFloats(Ints(bits >> 12)), Floats{} + 0x1p-20F, 0x1p-21F);
  const Words raw = Words(u) - 0x3F3504F3U;
  const Ints exponent = Ints(raw) >> 23;
  const Floats m = Floats((raw & 0x007FFFFFU) + 0x3F3504F3U) - 1.0F;
  Floats p = Fma(m, Floats{} + 0.12354828F, -0.18178457F);
  p = Fma(p, m, 0.20249809F);
  p = Fma(p, m, -0.24962643F);
  p = Fma(p, m, 0.33330502F);
  p = Fma(p, m, -0.5F);
  const Floats ln =
      Fma(ToFloats(exponent), Floats{} + 0.69314718F, Fma(p, m * m, m));
  return Root(-2.0F * ln);  // u < 1, so ln u < 0
}

struct SinCos {
  Floats sin, cos;
};

// Of (lower 12 bits + 1/2) / 2^12 turns: the quadrant in the upper two of them,
// and an eighth of a turn to either side of its axis by Cephes' sinf and cosf.
OHM_INLINE SinCos Turn(Words bits) {
  constexpr float kUnit = 0.785398163397448F * 0x1p-9F;
  const Floats a =
      Fma(ToFloats(Ints(bits & 0x3FFU)), Floats{} + kUnit, -511.5F * kUnit);
  const Floats z = a * a;
  Floats s = Fma(z, Floats{} - 1.9515295891e-4F, 8.3321608736e-3F);
  s = Fma(s, z, -1.6666654611e-1F);
  s = Fma(s, a * z, a);
  Floats c = Fma(z, Floats{} + 2.443315711809948e-5F, -1.388731625493765e-3F);
  c = Fma(c, z, 4.166664568298827e-2F);
  c = Fma(c, z, -0.5F);
  c = Fma(c, z, 1.0F);
  const auto odd = (bits & 0x400U) != 0U;
  const auto x = Words(odd ? s : c), y = Words(odd ? c : s);
  // Quadrants 2 and 3 have a negative sine, 1 and 2 a negative cosine.
  const Words below = bits << 20, left = (bits << 20) ^ (bits << 21);
  return {Floats(y ^ (below & 0x80000000U)), Floats(x ^ (left & 0x80000000U))};
}

// Both numbers of a pair from one word: 20 bits of radius and 12 of direction,
// which no test here tells from more, at half the words.
OHM_INLINE void BoxMuller(Words bits, float* to) {
  const Floats r = Radius(bits);
  const SinCos at = Turn(bits);
  const Floats x = r * at.cos, y = r * at.sin;
  std::memcpy(to, &x, sizeof(x));
  std::memcpy(to + kLanes, &y, sizeof(y));
}

// Numbers 128 * group .. 128 * group + 127.
OHM_INLINE void FillGroup(const uint32_t (&key)[4], uint64_t group, float* to) {
  constexpr Words lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const uint64_t block = group * kLanes;
  Words x[4] = {Broadcast(static_cast<uint32_t>(block)) + lane,
                Broadcast(static_cast<uint32_t>(block >> 32)), Words{},
                Words{}};
  Threefry<kNormalRounds>(key, x);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) BoxMuller(x[i], to + 2 * i * kLanes);
}

}  // namespace

OHM_SIMD_CLONES void FillNormals(uint64_t key, uint64_t stream, int64_t first,
                                 int64_t count, float* to) {
  const uint32_t words[4] = {
      static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32),
      static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)};
  int64_t done = 0;
  while (done < count) {
    const int64_t at = first + done, within = at % kGroup;
    const int64_t some = std::min(kGroup - within, count - done);
    if (some == kGroup) {
      FillGroup(words, uint64_t(at / kGroup), to + done);
    } else {
      float group[kGroup];
      FillGroup(words, uint64_t(at / kGroup), group);
      std::copy_n(group + within, some, to + done);
    }
    done += some;
  }
}

std::array<uint32_t, 4> Threefry4x32(std::array<uint32_t, 4> counter,
                                     std::array<uint32_t, 4> key) {
  const uint32_t words[4] = {key[0], key[1], key[2], key[3]};
  Words x[4];
  for (size_t i = 0; i < 4; ++i) x[i] = Broadcast(counter[i]);
  Threefry<20>(words, x);
  return {x[0][0], x[1][0], x[2][0], x[3][0]};
}

}  // namespace ohm::hw
