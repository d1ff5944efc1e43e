// Counter-based random numbers: every number is a pure function of a Key and
// an index, so nothing depends on thread count, batch split or call order.
// Generator: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy
// as 1, 2, 3", SC 2011), checked against the published test vectors.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ohm {

// One raw block: 128 random bits for a 128-bit counter under a 64-bit key.
std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter,
                                   std::array<uint32_t, 2> key);

// A stream of random numbers. Derive a child for every purpose
// (`key.Child("shuffle").Child(epoch)`); never use one key for two purposes.
class Key {
 public:
  explicit Key(uint64_t seed = 0) : bits_(seed) {}

  // Children of different names or indices are independent streams.
  Key Child(uint64_t index) const;
  Key Child(std::string_view name) const;

  uint64_t bits() const { return bits_; }

  // Element `index` of the stream. Bits, Uniform and Below are made of the same
  // bits, so that an index serves one of them; Normal has its own.
  uint64_t Bits(uint64_t index) const;
  double Uniform(uint64_t index) const;  // in [0, 1), 53 random bits
  double Normal(uint64_t index) const;   // mean 0, variance 1 (Box-Muller)
  // Uniform integer in [0, bound); bound > 0; bias below 2^-32 for
  // bound < 2^32.
  uint64_t Below(uint64_t index, uint64_t bound) const;

 private:
  uint64_t bits_;
};

}  // namespace ohm
