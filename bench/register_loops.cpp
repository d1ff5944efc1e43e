#include "bench/register_loops.h"

#include <cstddef>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ohm::bench {
namespace {

// Independent sums in flight. Two units with a latency of four cycles need
// eight; twelve and the two operands still fit into 16 registers.
constexpr int kSums = 12;
using Sums = std::make_index_sequence<kSums>;

using Floats4 = float __attribute__((vector_size(16)));
using Floats8 = float __attribute__((vector_size(32)));
using Floats16 = float __attribute__((vector_size(64)));
using Doubles2 = double __attribute__((vector_size(16)));
using Doubles4 = double __attribute__((vector_size(32)));
using Doubles8 = double __attribute__((vector_size(64)));

// Mean over all lanes of all sums. The sums start apart, or the compiler would
// see that they are one.
template <typename Vector>
inline __attribute__((always_inline)) double Mean(const Vector (&sums)[kSums]) {
  constexpr size_t kLanes = sizeof(Vector) / sizeof(sums[0][0]);
  double total = 0;
  for (const Vector& sum : sums) {
    for (size_t lane = 0; lane < kLanes; ++lane) total += double(sum[lane]);
  }
  return total / double(kSums * kLanes);
}

// sum = sum * a + b, which a = 1/2 and b = 1 take to 2 exactly. Written as a
// fold over constant indices, so that the array becomes registers.
template <typename Vector, size_t... i>
inline __attribute__((always_inline)) double MultiplyAdd(
    int64_t rounds, std::index_sequence<i...>) {
  // Volatile: the compiler must not know them.
  volatile float half = 0.5F, one = 1.0F;
  const Vector a = Vector{} + half, b = Vector{} + one;
  Vector sums[kSums] = {(Vector{} + float(i))...};
  for (int64_t round = 0; round < rounds; ++round) {
    ((sums[i] = sums[i] * a + b), ...);
  }
  return Mean(sums);
}

double Two(int64_t /*rounds*/) { return 2; }

double RunBaseline(int64_t rounds) {
  return MultiplyAdd<Floats4>(rounds, Sums());
}

double RunBaselineF64(int64_t rounds) {
  return MultiplyAdd<Doubles2>(rounds, Sums());
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) double RunAvx2(int64_t rounds) {
  return MultiplyAdd<Floats8>(rounds, Sums());
}

__attribute__((target("avx512f,fma"))) double RunAvx512(int64_t rounds) {
  return MultiplyAdd<Floats16>(rounds, Sums());
}

__attribute__((target("avx2,fma"))) double RunAvx2F64(int64_t rounds) {
  return MultiplyAdd<Doubles4>(rounds, Sums());
}

__attribute__((target("avx512f,fma"))) double RunAvx512F64(int64_t rounds) {
  return MultiplyAdd<Doubles8>(rounds, Sums());
}

// Every lane adds two products of ones.
template <size_t... i>
__attribute__((target("avx512f,avx512bf16"))) double DotProducts(
    int64_t rounds, std::index_sequence<i...>) {
  volatile int two_ones = 0x3f803f80;
  const auto ones = (__m512bh)_mm512_set1_epi32(two_ones);
  Floats16 sums[kSums] = {(Floats16{} + float(i))...};
  for (int64_t round = 0; round < rounds; ++round) {
    ((sums[i] = _mm512_dpbf16_ps(sums[i], ones, ones)), ...);
  }
  return Mean(sums);
}

double RunBF16(int64_t rounds) { return DotProducts(rounds, Sums()); }

using Ints16 = int32_t __attribute__((vector_size(64)));

// Every lane adds four products of ones.
template <size_t... i>
__attribute__((target("avx512f,avx512vnni"))) double QuadProducts(
    int64_t rounds, std::index_sequence<i...>) {
  volatile int four_ones = 0x01010101;
  const __m512i ones = _mm512_set1_epi32(four_ones);
  __m512i sums[kSums] = {_mm512_set1_epi32(int(i))...};
  for (int64_t round = 0; round < rounds; ++round) {
    ((sums[i] = _mm512_dpbusd_epi32(sums[i], ones, ones)), ...);
  }
  double total = 0;
  for (const __m512i& sum : sums) {
    const auto lanes = (Ints16)sum;
    for (int lane = 0; lane < 16; ++lane) total += double(lanes[lane]);
  }
  return total / (16 * kSums);
}

double RunS8(int64_t rounds) { return QuadProducts(rounds, Sums()); }

double FourEachRound(int64_t rounds) {
  return 4 * double(rounds) + (kSums - 1) / 2.0;
}

double TwoEachRound(int64_t rounds) {
  return 2 * double(rounds) + (kSums - 1) / 2.0;
}
#endif

}  // namespace

RegisterLoop F32Loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    return {"AVX-512 FMA", RunAvx512, 2 * 16 * kSums, Two};
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return {"AVX2 FMA", RunAvx2, 2 * 8 * kSums, Two};
  }
#endif
  return {"4 lanes", RunBaseline, 2 * 4 * kSums, Two};
}

RegisterLoop F64Loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    return {"AVX-512 FMA", RunAvx512F64, 2 * 8 * kSums, Two};
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return {"AVX2 FMA", RunAvx2F64, 2 * 4 * kSums, Two};
  }
#endif
  return {"2 lanes", RunBaselineF64, 2 * 2 * kSums, Two};
}

RegisterLoop BF16Loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16")) {
    return {"AVX512-BF16", RunBF16, 2 * 32 * kSums, TwoEachRound};
  }
#endif
  return {"none", nullptr, 0, nullptr};
}

RegisterLoop S8Loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vnni")) {
    return {"AVX-512 VNNI", RunS8, 2 * 64 * kSums, FourEachRound};
  }
#endif
  return {"none", nullptr, 0, nullptr};
}

}  // namespace ohm::bench
