// Multiply-adds that touch no memory: the processor's peak.
#pragma once

#include <cstdint>
#include <string>

namespace ohm::bench {

struct RegisterLoop {
  std::string name;  // "AVX-512 FMA"
  double (*run)(int64_t rounds);
  int flop_per_round;
  // What `run` returns where every multiply-add was done.
  double (*expected)(int64_t rounds);
};

// The widest that this processor has.
RegisterLoop F32Loop();
RegisterLoop F64Loop();
// `run` is null where the processor has no AVX512-BF16.
RegisterLoop BF16Loop();
// Products of u8 and s8, added in 32 bits; null without AVX-512 VNNI.
RegisterLoop S8Loop();

}  // namespace ohm::bench
