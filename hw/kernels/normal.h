// Gaussian noise at the pace of the tile kernels: a number is a pure function
// of (key, stream, index), the same bits on every machine.
// Threefry4x32-12 (Salmon et al., SC 2011: the fewest rounds that pass
// BigCrush; no multiplications, so 16 blocks run side by side), two numbers of
// each word of 32 bits. Of 16 bits one is the sign, and 15 say which of 32,768
// equally likely pieces of the half line the magnitude lies in; it is that
// piece's mean, by quadratics within 4e-4, so |value| <= 4.39. Box and
// Muller's way made a step of training with noise 1.42 times a plain one, this
// one 1.32 (docs/results.md).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace ohm::hw {

inline constexpr int kNormalRounds = 12;

// to[i] = the number at index first + i, for i < count; of mean 0, variance 1.
// Costs least where first and count are multiples of 128.
void FillNormals(uint64_t key, uint64_t stream, int64_t first, int64_t count,
                 float* to);

// The number that 16 bits stand for: the naive twin.
float NormalOf(uint32_t bits);

// The generator behind it; with its published 20 rounds for its published test
// vectors.
std::array<uint32_t, 4> Threefry4x32(std::array<uint32_t, 4> counter,
                                     std::array<uint32_t, 4> key,
                                     int rounds = 20);

// FillNormals for one instruction set; `supported`: this machine has it.
struct NormalKernels {
  const char* name;
  bool supported;
  void (*fill)(uint64_t key, uint64_t stream, int64_t first, int64_t count,
               float* to);
};
const std::vector<NormalKernels>& NormalKernelVariants();  // best first
const NormalKernels& CurrentNormalKernels();               // the best supported

// One file each.
NormalKernels Avx512Normal();
NormalKernels Avx2Normal();
NormalKernels PortableNormal();

}  // namespace ohm::hw
