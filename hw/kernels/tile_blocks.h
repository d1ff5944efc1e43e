// What the vector variants of hw/kernels/tile.h share: register blocks of
// pixels x columns, written once over the few operations that an instruction
// set gives. Include it inside a `#pragma GCC target` region, after every other
// header, and instantiate it with a type from an unnamed namespace.
//
// An instruction set is a struct `Isa` with
//   kLanes                       columns per vector
//   Int, Float                   kLanes of them
//   Weights, Codes, Sum          of four rows of kLanes columns
//   LoadWeights(const int8_t*), Broadcast(const uint8_t* four_codes)
//   Nothing() -> Sum, Add(sum, codes, weights), Raise(sum) by 8 bits,
//   Finish(sum, start) -> Int
//   Pick(const uint8_t* window, const uint8_t* picks) -> codes of their own
//   for each of kLanes columns, which Add takes, too
//   LoadInt, StoreInt, MaxAbs(most, sum)
//   ToFloat(Int), Zero(), Load(p, lanes), Store(p, lanes, v), Mul, Add,
//   RoundClipped(v, lowest, largest), Larger(most, v) of |v|,
//   RoundUp(v) -> Int
// Multiplications and additions must stay separate (-ffp-contract=off), so that
// every variant rounds alike.
#pragma once

#include "core/kernels/simd.h"

namespace ohm::hw {

// Adds the quads [begin, end), whose weights begin at w; returns where they
// end.
template <typename Isa, int kPixels, int kVectors>
OHM_INLINE const int8_t* AddQuads(const TileWork& work,
                                  const uint8_t* const (&x)[kPixels],
                                  int64_t begin, int64_t end, const int8_t* w,
                                  typename Isa::Sum (&sum)[kPixels][kVectors]) {
  for (int64_t q = begin; q < end; ++q, w += work.columns * 4) {
    typename Isa::Weights weights[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      weights[v] = Isa::LoadWeights(w + v * Isa::kLanes * 4);
    }
    const int64_t quad = work.quads[q];
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) {
      const auto codes = Isa::Broadcast(x[i] + quad);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        sum[i][v] = Isa::Add(sum[i][v], codes, weights[v]);
      }
    }
  }
  return w;
}

template <typename Isa, int kPixels, int kVectors>
OHM_INLINE void AddRemainders(const TileWork& work,
                              const uint8_t* const (&x)[kPixels], int64_t n,
                              typename Isa::Sum (&sum)[kPixels][kVectors]) {
  const TileRemainders& rest = work.remainders;
  for (int64_t s = 0; s < rest.steps; ++s) {
    const int64_t window = rest.windows[s];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const int64_t at = (s * work.columns + n + v * Isa::kLanes) * 4;
      const auto weights = Isa::LoadWeights(rest.weights + at);
#pragma GCC unroll 8
      for (int i = 0; i < kPixels; ++i) {
        const auto codes = Isa::Pick(x[i] + window, rest.picks + at);
        sum[i][v] = Isa::Add(sum[i][v], codes, weights);
      }
    }
  }
}

// The sums of kPixels x (kVectors * kLanes) stay in registers over all rows.
// Hands each vector of columns to `end` as kPixels Ints. A loop over them that
// is not unrolled would index the registers, and put them all into memory. Ends
// that have no remainders say so: merely asking whether there are any takes
// registers from the loop.
template <typename Isa, int kPixels, int kVectors, typename End>
OHM_INLINE void Block(const TileWork& work, int64_t p, int64_t n,
                      const End& end) {
  const uint8_t* x[kPixels];
#pragma GCC unroll 8
  for (int i = 0; i < kPixels; ++i) x[i] = work.pixels[p + i];
  typename Isa::Sum sum[kPixels][kVectors];
#pragma GCC unroll 8
  for (int i = 0; i < kPixels; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      sum[i][v] = Isa::Nothing();
    }
  }
  const int8_t* w = work.weights + n * 4;
  if (work.high > 0) {
    w = AddQuads<Isa>(work, x, 0, work.high, w, sum);
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[i][v] = Isa::Raise(sum[i][v]);
    }
  }
  AddQuads<Isa>(work, x, work.high, work.quad_count, w, sum);
  if constexpr (End::kRemainders) AddRemainders<Isa>(work, x, n, sum);
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    const int64_t column = n + v * Isa::kLanes;
    typename Isa::Int done[kPixels];
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) {
      done[i] = Isa::Finish(sum[i][v], work.start + column);
    }
    end.template Take<kPixels>(p, column, done);
  }
}

// All pixels of one strip of columns.
template <typename Isa, int kPixels, int kVectors, typename End>
OHM_INLINE void Strip(const TileWork& work, int64_t n, const End& end) {
  int64_t p = 0;
  for (; p + kPixels <= work.count; p += kPixels) {
    Block<Isa, kPixels, kVectors>(work, p, n, end);
  }
  for (; p < work.count; ++p) Block<Isa, 1, kVectors>(work, p, n, end);
}

template <typename Isa>
struct StoreSums {
  static constexpr bool kRemainders = false;
  int32_t* sums;
  int64_t columns;

  template <int kPixels>
  OHM_INLINE void Take(int64_t p, int64_t n,
                       const typename Isa::Int* done) const {
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) {
      Isa::StoreInt(sums + (p + i) * columns + n, done[i]);
    }
  }
};

template <typename Isa>
OHM_INLINE typename Isa::Float ConvertOne(typename Isa::Float sum,
                                          typename Isa::Float to_code,
                                          typename Isa::Float to_value,
                                          const TileAdc& adc) {
  const auto scaled = Isa::Mul(sum, to_code);
  return Isa::Mul(Isa::RoundClipped(scaled, adc.lowest, adc.largest), to_value);
}

template <typename Isa, bool kFirst, bool kNoisy>
struct ConvertSums {
  static constexpr bool kRemainders = false;
  const TileAdc& adc;
  float* y;
  int64_t stride;
  int32_t* most;
  int64_t columns;  // of normals

  template <int kPixels>
  OHM_INLINE void Take(int64_t p, int64_t n,
                       const typename Isa::Int* done) const {
    const int64_t lanes = adc.outputs - n;
    if (lanes <= 0) return;  // padding columns
    const auto to_code = Isa::Load(adc.to_code + n, lanes);
    const auto to_value = Isa::Load(adc.to_value + n, lanes);
    auto most_noisy = Isa::Zero(), deviation = most_noisy, shift = most_noisy;
    if constexpr (kNoisy) {
      deviation = Isa::Load(adc.deviation + n, Isa::kLanes);
      shift = Isa::Load(adc.shift + n, Isa::kLanes);
    }
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) {
      float* at = y + (p + i) * stride + n;
      const auto sum = Sum(done[i], p + i, n, deviation, shift);
      if constexpr (kNoisy) most_noisy = Isa::Larger(most_noisy, sum);
      auto value = ConvertOne<Isa>(sum, to_code, to_value, adc);
      // Added to zero even where nothing is there yet: -0 becomes +0, as in
      // the other variants.
      value = Isa::Add(kFirst ? Isa::Zero() : Isa::Load(at, lanes), value);
      Isa::Store(at, lanes, value);
    }
    if (most == nullptr) return;
    auto largest = Isa::LoadInt(most + n);
    if constexpr (kNoisy) {
      largest = Isa::MaxAbs(largest, Isa::RoundUp(most_noisy));
    } else {
#pragma GCC unroll 8
      for (int i = 0; i < kPixels; ++i) {
        largest = Isa::MaxAbs(largest, done[i]);
      }
    }
    Isa::StoreInt(most + n, largest);
  }

  OHM_INLINE typename Isa::Float Sum(typename Isa::Int sum, int64_t pixel,
                                     int64_t n, typename Isa::Float deviation,
                                     typename Isa::Float shift) const {
    if constexpr (!kNoisy) return Isa::ToFloat(sum);
    const float* normal = adc.normals + pixel * columns + n;
    const auto scaled = Isa::Mul(Isa::Load(normal, Isa::kLanes), deviation);
    return Isa::Add(Isa::ToFloat(sum), Isa::Add(scaled, shift));
  }
};

// With or without noise, the first row tile or a later one.
template <typename Isa, typename Each>
OHM_INLINE void Convert(const TileWork& work, const TileAdc& adc, bool first,
                        float* y, int64_t stride, int32_t* most,
                        const Each& run) {
  const int64_t columns = work.columns;
  if (adc.normals != nullptr) {
    if (first) {
      run(ConvertSums<Isa, true, true>{adc, y, stride, most, columns});
    } else {
      run(ConvertSums<Isa, false, true>{adc, y, stride, most, columns});
    }
  } else if (first) {
    run(ConvertSums<Isa, true, false>{adc, y, stride, most, columns});
  } else {
    run(ConvertSums<Isa, false, false>{adc, y, stride, most, columns});
  }
}

template <typename Isa>
struct AddSums {
  static constexpr bool kRemainders = true;
  const float* to_value;
  int64_t outputs;
  float* y;
  int64_t stride;

  template <int kPixels>
  OHM_INLINE void Take(int64_t p, int64_t n,
                       const typename Isa::Int* done) const {
    const int64_t lanes = outputs - n;
    if (lanes <= 0) return;
    const auto scale = Isa::Load(to_value + n, lanes);
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) {
      float* at = y + (p + i) * stride + n;
      const auto value = Isa::Mul(Isa::ToFloat(done[i]), scale);
      Isa::Store(at, lanes, Isa::Add(Isa::Load(at, lanes), value));
    }
  }
};

template <typename Isa>
struct WeighSums {
  static constexpr bool kRemainders = false;
  const TileAdc& adc;
  const float* gy;
  int64_t stride;
  float* total;

  template <int kPixels>
  OHM_INLINE void Take(int64_t p, int64_t n,
                       const typename Isa::Int* done) const {
    const int64_t lanes = adc.outputs - n;
    if (lanes <= 0) return;
    const auto to_code = Isa::Load(adc.to_code + n, lanes);
    const auto to_value = Isa::Load(adc.to_value + n, lanes);
    auto sum = Isa::Load(total + n, lanes);
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) {
      const auto value =
          ConvertOne<Isa>(Isa::ToFloat(done[i]), to_code, to_value, adc);
      const auto g = Isa::Load(gy + (p + i) * stride + n, lanes);
      sum = Isa::Add(sum, Isa::Mul(value, g));
    }
    Isa::Store(total + n, lanes, sum);
  }
};

}  // namespace ohm::hw
