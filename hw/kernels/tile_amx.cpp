// GCC 12 warns about its own intrinsics' undefined operands (its bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "hw/kernels/tile.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512bw,avx512vnni,amx-tile,amx-int8")

#include "hw/kernels/amx_codes.h"
#include "hw/kernels/amx_registers.h"
#include "hw/kernels/tile_avx512.h"

// Products by AMX's matrix registers: 8 times those of VNNI per cycle.
namespace ohm::hw {
namespace {

constexpr int64_t kVectors = 4;  // registers of sums, at most
constexpr int64_t kStrip = 32;
constexpr int kCodes = 4, kWeights = 5;

struct Scratch {
  std::vector<Stretch> stretches;
  std::vector<uint8_t> codes;
  std::vector<int32_t> low, high;
};

Scratch& ThreadScratch() {
  thread_local Scratch scratch;
  return scratch;
}

template <typename T>
T* AlignedRoom(std::vector<T>* room, int64_t count) {
  constexpr int64_t kExtra = 64 / int64_t(sizeof(T));
  if (int64_t(room->size()) < count + kExtra) {
    room->resize(size_t(count + kExtra));
  }
  const auto at = reinterpret_cast<uintptr_t>(room->data());
  return room->data() + (-at & 63U) / sizeof(T);
}

// The quads of one digit.
struct Digit {
  const uint8_t* codes;
  const int8_t* weights;
  int64_t quads;
  int64_t columns;
  const int32_t* start;  // [columns], of the sums; null: zeros
  bool centred;          // codes are signed

  int64_t CodesOfBlock() const { return BlocksOf(quads, kQuads) * kBytes; }
};

// Sums of some columns, [whole blocks of pixels, columns].
struct Strip {
  int64_t first, columns;
  int32_t* sums;
};

// One register of weights by as many of codes as there are sums: weights come
// from the second-level cache, codes from the first.
template <int kBlocks, int kLeft, int kRight, bool kCentred>
OHM_INLINE void AddBlock(const uint8_t* codes, int64_t of_block,
                         const int8_t* weights, int64_t row) {
  LoadRegister<kRight>(weights, row);
  LoadRegister<kLeft>(codes, kRowBytes);
  AddProducts<0, kLeft, kRight, kCentred>();
  if constexpr (kBlocks > 1) {
    LoadRegister<kLeft>(codes + of_block, kRowBytes);
    AddProducts<1, kLeft, kRight, kCentred>();
  }
  if constexpr (kBlocks > 2) {
    LoadRegister<kLeft>(codes + 2 * of_block, kRowBytes);
    AddProducts<2, kLeft, kRight, kCentred>();
  }
}

// Zeros cost nothing; what is loaded delays the first product (reading noise
// cost 3.24 times ideal devices so, and 2.99 from zeros; docs/results.md).
template <int kRegister>
OHM_INLINE void StartWith(const int32_t* start) {
  if (start == nullptr) {
    asm volatile("tilezero %%tmm%c0" : : "n"(kRegister));
  } else {
    LoadRegister<kRegister>(start, 0);  // every pixel alike
  }
}

// kBlocks * 16 pixels from p on by 16 columns from n on.
template <int kBlocks, bool kCentred>
OHM_INLINE void SumBlocks(const Digit& digit, const Strip& strip, int64_t p,
                          int64_t n) {
  const int32_t* start = digit.start == nullptr ? nullptr : digit.start + n;
  StartWith<0>(start);
  if constexpr (kBlocks > 1) StartWith<1>(start);
  if constexpr (kBlocks > 2) StartWith<2>(start);
  const int64_t row = digit.columns * 4;
  const int8_t* weights = digit.weights + n * 4;
  const int64_t of_block = digit.CodesOfBlock();
  const uint8_t* codes = digit.codes + p / kPixels * of_block;
  int64_t quads = digit.quads;
  for (; quads >= kQuads; quads -= kQuads) {
    AddBlock<kBlocks, kCodes, kWeights, kCentred>(codes, of_block, weights,
                                                  row);
    codes += kBytes;
    weights += kQuads * row;
  }
  if (quads > 0) {
    AddBlock<kBlocks, kLastCodes, kLastWeights, kCentred>(codes, of_block,
                                                          weights, row);
  }
  int32_t* sums = strip.sums + p * strip.columns + n - strip.first;
  const int64_t bytes = strip.columns * int64_t(sizeof(int32_t));
  const int64_t next = kPixels * strip.columns;
  StoreRegister<0>(sums, bytes);
  if constexpr (kBlocks > 1) StoreRegister<1>(sums + next, bytes);
  if constexpr (kBlocks > 2) StoreRegister<2>(sums + 2 * next, bytes);
}

template <bool kCentred>
void SumStrip(const Digit& digit, const Strip& strip, int64_t pixels) {
  Configure(digit.quads % kQuads);
  for (int64_t n = strip.first; n < strip.first + strip.columns; n += 16) {
    int64_t p = 0;
    for (; p + 2 * kPixels < pixels; p += 3 * kPixels) {
      SumBlocks<3, kCentred>(digit, strip, p, n);
    }
    if (p + kPixels < pixels) {
      SumBlocks<2, kCentred>(digit, strip, p, n);
    } else if (p < pixels) {
      SumBlocks<1, kCentred>(digit, strip, p, n);
    }
  }
}

void SumStrip(const Digit& digit, const Strip& strip, int64_t pixels) {
  const auto sum = digit.centred ? SumStrip<true> : SumStrip<false>;
  sum(digit, strip, pixels);
}

// Hands kCount pixels to `end` as hw/kernels/tile_blocks.h's Block does.
template <int kCount, bool kHigh, typename End>
OHM_INLINE void Hand(const Strip& low, const Strip& high, int64_t p, int64_t n,
                     const End& end) {
  __m512i done[kCount];
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) {
    const int64_t at = (p + i) * low.columns + n;
    done[i] = _mm512_load_si512(low.sums + at);
    if constexpr (kHigh) {
      const __m512i upper = _mm512_load_si512(high.sums + at);
      done[i] = _mm512_add_epi32(done[i], _mm512_slli_epi32(upper, 8));
    }
  }
  end.template Take<kCount>(p, low.first + n, done);
}

template <bool kHigh, typename End>
OHM_INLINE void HandStrip(const Strip& low, const Strip& high, int64_t pixels,
                          const End& end) {
  for (int64_t n = 0; n < low.columns; n += 16) {
    int64_t p = 0;
    for (; p + 8 <= pixels; p += 8) Hand<8, kHigh>(low, high, p, n, end);
    for (; p < pixels; ++p) Hand<1, kHigh>(low, high, p, n, end);
  }
}

// A block's codes, copied together: its digits.
struct Digits {
  Digit high, low;
};

Digits Copied(const TileWork& work, int64_t pixels, Scratch* scratch) {
  const int32_t* quads = work.quads + work.high;
  const int64_t count = work.quad_count - work.high;
  const bool centred = work.start_is == Start::kCentred;
  const auto copy = centred ? CopyCodes<true> : CopyCodes<false>;
  const int32_t* start = work.start_is == Start::kAny ? work.start : nullptr;
  Digits digits{
      {nullptr, work.weights, work.high, work.columns, nullptr, centred},
      {nullptr, work.weights + work.high * work.columns * 4, count,
       work.columns, start, centred}};
  const int64_t of_high = pixels / kPixels * digits.high.CodesOfBlock();
  uint8_t* codes = AlignedRoom(
      &scratch->codes, of_high + pixels / kPixels * digits.low.CodesOfBlock());
  digits.high.codes = digits.low.codes = codes;
  if (work.high > 0) {
    copy(work, work.quads, work.high, &scratch->stretches, codes);
    const bool same =
        count == work.high && std::equal(quads, quads + count, work.quads);
    if (same) return digits;
    codes += of_high;
    digits.low.codes = codes;
  }
  copy(work, quads, count, &scratch->stretches, codes);
  return digits;
}

template <typename End>
void Run(const TileWork& work, const End& end) {
  Scratch& scratch = ThreadScratch();
  const int64_t pixels = BlocksOf(work.count, kPixels) * kPixels;
  const Digits digits = Copied(work, pixels, &scratch);
  // Few columns at a time, whose sums stay in the first-level cache.
  Strip low{0, std::min(kStrip, work.columns), nullptr}, high = low;
  low.sums = AlignedRoom(&scratch.low, pixels * low.columns);
  high.sums = AlignedRoom(&scratch.high, pixels * low.columns);
  for (; low.first < work.columns; low.first += low.columns) {
    low.columns = std::min(low.columns, work.columns - low.first);
    high.first = low.first;
    high.columns = low.columns;
    if (work.high > 0) {
      SumStrip(digits.high, high, work.count);
      SumStrip(digits.low, low, work.count);
      HandStrip<true>(low, high, work.count, end);
    } else {
      SumStrip(digits.low, low, work.count);
      HandStrip<false>(low, high, work.count, end);
    }
  }
}

// Blocks that leave half of a register's pixels empty are left to the vectors.
bool TooFew(const TileWork& work) { return work.count <= kPixels / 2; }

const TileKernels& Vectors() {
  static const TileKernels kernels = Avx512VnniTile();
  return kernels;
}

void Sums(const TileWork& work, int32_t* sums) {
  if (TooFew(work)) return Vectors().sums(work, sums);
  Run(work, StoreSums<Avx512Lanes>{sums, work.columns});
}

void Convert(const TileWork& work, const TileAdc& adc, bool first, float* y,
             int64_t stride, int32_t* most) {
  if (TooFew(work)) {
    return Vectors().convert(work, adc, first, y, stride, most);
  }
  Convert<Avx512Lanes>(work, adc, first, y, stride, most,
                       [&](const auto& end) { Run(work, end); });
}

void Add(const TileWork& work, const float* to_value, int64_t outputs, float* y,
         int64_t stride) {
  if (TooFew(work) || work.remainders.steps > 0) {
    return Vectors().add(work, to_value, outputs, y, stride);
  }
  Run(work, AddSums<Avx512Lanes>{to_value, outputs, y, stride});
}

void Weigh(const TileWork& work, const TileAdc& adc, const float* gy,
           int64_t stride, float* total) {
  if (TooFew(work)) return Vectors().weigh(work, adc, gy, stride, total);
  Run(work, WeighSums<Avx512Lanes>{adc, gy, stride, total});
}

}  // namespace
}  // namespace ohm::hw

#pragma GCC pop_options

namespace ohm::hw {
namespace {

// Linux hands the registers' state out on demand, once per process.
bool MayUseMatrixRegisters() {
  constexpr long kRequest = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;     // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

}  // namespace

TileKernels AmxTile() {
  const bool supported = __builtin_cpu_supports("avx512f") != 0 &&
                         __builtin_cpu_supports("avx512vl") != 0 &&
                         __builtin_cpu_supports("avx512bw") != 0 &&
                         __builtin_cpu_supports("avx512vnni") != 0 &&
                         __builtin_cpu_supports("amx-tile") != 0 &&
                         __builtin_cpu_supports("amx-int8") != 0 &&
                         MayUseMatrixRegisters();
  return {"amx", supported, true, Sums, Convert, Add, Weigh};
}

}  // namespace ohm::hw
