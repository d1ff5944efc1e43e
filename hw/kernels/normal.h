// Gaussian noise at the pace of the tile kernels: a number is a pure function
// of (key, stream, index), the same bits on every machine.
// Threefry4x32-12 (Salmon et al., SC 2011: the fewest rounds that pass
// BigCrush; no multiplications, so 16 blocks run side by side) and Box-Muller
// with polynomials, two numbers of each word of 32 bits; |value| <= 5.4.
// Moments and distribution are tested against the exact ones.
#pragma once

#include <array>
#include <cstdint>

namespace ohm::hw {

inline constexpr int kNormalRounds = 12;

// to[i] = the number at index first + i, for i < count; of mean 0, variance 1.
// Costs least where first and count are multiples of 128.
void FillNormals(uint64_t key, uint64_t stream, int64_t first, int64_t count,
                 float* to);

// The generator with its published 20 rounds, for its published test vectors.
std::array<uint32_t, 4> Threefry4x32(std::array<uint32_t, 4> counter,
                                     std::array<uint32_t, 4> key);

}  // namespace ohm::hw
