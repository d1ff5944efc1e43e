#include "hw/kernels/normal.h"

#include <bit>
#include <cmath>

namespace ohm::hw {
namespace {
constexpr int kNormalLanes = 4;
}
}  // namespace ohm::hw

#include "hw/kernels/normal_loop.h"

namespace ohm::hw {
namespace {

struct Isa {
  static OHM_INLINE Floats LookUp(const float* table, Words index) {
    Floats picked;
    for (int i = 0; i < kNormalLanes; ++i) picked[i] = table[index[i] % 32];
    return picked;
  }
  static OHM_INLINE Floats MultiplyAdd(Floats a, Floats b, Floats c) {
    for (int i = 0; i < kNormalLanes; ++i) a[i] = std::fma(a[i], b[i], c[i]);
    return a;
  }
};

}  // namespace

float NormalOf(uint32_t bits) {
  const auto t = static_cast<float>((bits & 0xFFFFU) | 1U);
  const uint32_t piece = (std::bit_cast<uint32_t>(t) >> kNormalPieceShift) % 32;
  const float z =
      std::fma(std::fma(kNormalSquare[piece], t, kNormalSlope[piece]), t,
               kNormalConstant[piece]);
  return (bits & 1U) != 0 ? -z : z;
}

std::array<uint32_t, 4> Threefry4x32(std::array<uint32_t, 4> counter,
                                     std::array<uint32_t, 4> key, int rounds) {
  const uint32_t words[4] = {key[0], key[1], key[2], key[3]};
  Words x[4];
  for (size_t i = 0; i < 4; ++i) x[i] = Broadcast(counter[i]);
  Threefry(words, rounds, x);
  return {x[0][0], x[1][0], x[2][0], x[3][0]};
}

NormalKernels PortableNormal() { return {"portable", true, Fill<Isa>}; }

const std::vector<NormalKernels>& NormalKernelVariants() {
  static const std::vector<NormalKernels> variants = {
      Avx512Normal(), Avx2Normal(), PortableNormal()};
  return variants;
}

const NormalKernels& CurrentNormalKernels() {
  static const NormalKernels& best = *std::ranges::find_if(
      NormalKernelVariants(), [](const auto& v) { return v.supported; });
  return best;
}

void FillNormals(uint64_t key, uint64_t stream, int64_t first, int64_t count,
                 float* to) {
  CurrentNormalKernels().fill(key, stream, first, count, to);
}

}  // namespace ohm::hw
