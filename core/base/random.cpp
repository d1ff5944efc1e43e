#include "core/base/random.h"

#include <cmath>
#include <numbers>

#include "core/base/hash.h"

namespace ohm {
namespace {

// Domain tags keep the sub-streams of one key apart.
enum Domain : uint32_t { kChild = 1, kName = 2, kBits = 3, kNormal = 4 };

std::array<uint32_t, 4> Block(uint64_t key, uint64_t index, uint32_t domain) {
  return Philox4x32(
      {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), domain,
       0},
      {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
}

uint64_t Low64(const std::array<uint32_t, 4>& block) {
  return block[0] | (static_cast<uint64_t>(block[1]) << 32);
}

uint64_t High64(const std::array<uint32_t, 4>& block) {
  return block[2] | (static_cast<uint64_t>(block[3]) << 32);
}

double ToUnit(uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

}  // namespace

std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter,
                                   std::array<uint32_t, 2> key) {
  constexpr uint64_t kMultiply0 = 0xD2511F53, kMultiply1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = kMultiply0 * counter[0];
    const uint64_t p1 = kMultiply1 * counter[2];
    counter = {static_cast<uint32_t>(p1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(p1),
               static_cast<uint32_t>(p0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(p0)};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

Key Key::Child(uint64_t index) const {
  return Key(Low64(Block(bits_, index, kChild)));
}

Key Key::Child(std::string_view name) const {
  Fnv1a hash;
  hash.Add(name.data(), name.size());
  return Key(Low64(Block(bits_, hash.value(), kName)));
}

uint64_t Key::Bits(uint64_t index) const {
  return Low64(Block(bits_, index, kBits));
}

double Key::Uniform(uint64_t index) const { return ToUnit(Bits(index)); }

double Key::Normal(uint64_t index) const {
  const auto block = Block(bits_, index, kNormal);
  const double u = 1.0 - ToUnit(Low64(block));  // in (0, 1]: log stays finite
  const double angle = 2.0 * std::numbers::pi * ToUnit(High64(block));
  return std::sqrt(-2.0 * std::log(u)) * std::cos(angle);
}

uint64_t Key::Below(uint64_t index, uint64_t bound) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>((static_cast<Wide>(Bits(index)) * bound) >> 64);
}

}  // namespace ohm
