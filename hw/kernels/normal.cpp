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

constexpr int kGroup = 4 * kLanes;  // numbers of 16 Threefry blocks

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

// sqrt(-2 ln u) of u = bits / 2^32. The logarithm: u = m * 2^e with m in
// [sqrt(1/2), sqrt(2)), ln m by the polynomial of Cephes' logf.
OHM_INLINE Floats Radius(Words bits) {
  Floats u = ToFloats(Ints(bits >> 1));  // signed conversions are cheap
  u = (u < 0.25F ? Floats{} + 0.25F : u) * 0x1p-31F;
  const Words raw = Words(u) - 0x3F3504F3U;
  const Ints exponent = Ints(raw) >> 23;
  const Floats m = Floats((raw & 0x007FFFFFU) + 0x3F3504F3U) - 1.0F;
  Floats p = 7.0376836292e-2F * m - 1.1514610310e-1F;
  p = p * m + 1.1676998740e-1F;
  p = p * m - 1.2420140846e-1F;
  p = p * m + 1.4249322787e-1F;
  p = p * m - 1.6668057665e-1F;
  p = p * m + 2.0000714765e-1F;
  p = p * m - 2.4999993993e-1F;
  p = p * m + 3.3333331174e-1F;
  const Floats square = m * m;
  const Floats ln = (m + (p * m * square - 0.5F * square)) +
                    ToFloats(exponent) * 0.693147180559945F;
  Floats r = -2.0F * ln;
  r = r > 0.0F ? r : Floats{};
  float roots[kLanes];
  std::memcpy(roots, &r, sizeof(r));
  for (float& root : roots) root = __builtin_sqrtf(root);
  std::memcpy(&r, roots, sizeof(r));
  return r;
}

struct SinCos {
  Floats sin, cos;
};

// Of 2 pi bits / 2^32: the quadrant in the upper two bits, and an eighth of a
// turn to either side of its axis by Cephes' sinf and cosf.
OHM_INLINE SinCos Turn(Words bits) {
  const Floats a = ToFloats(Ints(bits << 2)) * (0.785398163397448F * 0x1p-31F);
  const Floats z = a * a;
  const Floats s = a + a * z *
                           ((-1.9515295891e-4F * z + 8.3321608736e-3F) * z -
                            1.6666654611e-1F);
  const Floats c =
      1.0F - 0.5F * z +
      z * z *
          ((2.443315711809948e-5F * z - 1.388731625493765e-3F) * z +
           4.166664568298827e-2F);
  const Words quadrant = bits >> 30;
  const auto odd = (quadrant & 1U) != 0U;
  const auto x = Words(odd ? s : c), y = Words(odd ? c : s);
  return {Floats(y ^ ((quadrant & 2U) << 30)),
          Floats(x ^ (((quadrant + 1U) & 2U) << 30))};
}

OHM_INLINE void BoxMuller(Words radius, Words turn, float* to) {
  const Floats r = Radius(radius);
  const SinCos at = Turn(turn);
  const Floats x = r * at.cos, y = r * at.sin;
  std::memcpy(to, &x, sizeof(x));
  std::memcpy(to + kLanes, &y, sizeof(y));
}

// Numbers 64 * group .. 64 * group + 63.
OHM_INLINE void FillGroup(const uint32_t (&key)[4], uint64_t group, float* to) {
  constexpr Words lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const uint64_t block = group * kLanes;
  Words x[4] = {Broadcast(static_cast<uint32_t>(block)) + lane,
                Broadcast(static_cast<uint32_t>(block >> 32)), Words{},
                Words{}};
  Threefry<kNormalRounds>(key, x);
  BoxMuller(x[0], x[1], to);
  BoxMuller(x[2], x[3], to + 2 * kLanes);
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
