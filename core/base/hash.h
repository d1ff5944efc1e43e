// FNV-1a, 64 bits: tells contents apart that differ by accident, not by intent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace ohm {

class Fnv1a {
 public:
  void Add(const void* data, size_t bytes) {
    const auto* byte = static_cast<const unsigned char*>(data);
    for (size_t i = 0; i < bytes; ++i) {
      hash_ = (hash_ ^ byte[i]) * 0x100000001b3ULL;
    }
  }
  uint64_t value() const { return hash_; }

  std::string Hex() const {  // 16 digits
    std::string text(16, '0');
    uint64_t rest = hash_;
    for (size_t i = 16; i-- > 0; rest >>= 4) {
      text[i] = "0123456789abcdef"[rest & 15];
    }
    return text;
  }

 private:
  uint64_t hash_ = 0xcbf29ce484222325ULL;
};

// Tells long contents apart in a pass at memory speed; not the same on machines
// of other byte orders.
inline uint64_t ContentHash(const void* data, size_t bytes) {
  const auto* at = static_cast<const unsigned char*>(data);
  uint64_t hash = 0x9E3779B97F4A7C15ULL ^ bytes;
  const auto mix = [&hash](uint64_t word) {
    hash = (hash ^ word) * 0xD6E8FEB86659FD93ULL;
    hash ^= hash >> 32;
  };
  for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    mix(word);
    at += sizeof(word);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, at, bytes);
  mix(rest);
  return hash;
}

}  // namespace ohm
