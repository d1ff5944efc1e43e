// One row tile at work on a block of pixels: unsigned input codes times signed
// weight codes, exactly, in 32 bits, and what becomes of the sums while they
// are still in registers. Inputs are read where they lie in the image, four
// neighbouring channels (a quad) at a time; nothing is unfolded.
//
// Every variant gives the same bits; the best one the machine can run is chosen
// at run time, the portable one is the reference of the others.
#pragma once

#include <cstdint>
#include <vector>

namespace ohm::hw {

// What sums start from, so that a kernel need not read it.
enum class Start : uint8_t {
  kAny,
  kZero,  // all are 0
  // -128 * the column's sum of place * weight, remainders included: a code of
  // 128 is a 0.
  kCentred,
};

// What a few weights have beyond a byte, in steps. In a step each column has
// four rows of its own out of 64 that lie together, a window:
//     sum(p, n) += pixels[p][windows[s] + picks[(s * columns + n) * 4 + i]] *
//                  weights[(s * columns + n) * 4 + i]
// over s < steps and i < 4. All 64 bytes of a window are read.
struct TileRemainders {
  int64_t steps = 0;
  const int32_t* windows = nullptr;  // bytes from a pixel's pointer
  const uint8_t* picks = nullptr;    // below 64
  const int8_t* weights = nullptr;
};
inline constexpr int64_t kWindowBytes = 64;

// sum(p, n) = start[n] + sum over quads q and i < 4 of
//     place(q) * pixels[p][quads[q] + i] * weights[(q * columns + n) * 4 + i]
// and, in `add` alone, the remainders, for p < count and n < columns; columns
// is a multiple of 16. place(q) is 256 for the first `high` quads, else 1:
// weights of 16 bits are two digits of 8, and their quads are there twice.
// Exact where the sum itself fits 32 bits, for overflows on the way cancel; it
// does for weights of 8 bits and up to 66,000 rows.
struct TileWork {
  const uint8_t* const* pixels = nullptr;
  int64_t count = 0;
  const int32_t* quads = nullptr;  // bytes from a pixel's pointer
  int64_t quad_count = 0;
  const int8_t* weights = nullptr;
  const int32_t* start = nullptr;
  int64_t columns = 0;
  int64_t high = 0;
  Start start_is = Start::kAny;  // true of `start`, which is there all the same
  TileRemainders remainders = {};  // no steps but for `add`
};

// The ADCs of the first `outputs` columns: code = round half to even of
// clip((sum + offset) * to_code, lowest, largest), value = code * to_value.
// Where `normals` [count, columns] is not null, a sum's offset is its normal *
// deviation + shift, of [columns] each; else 0.
struct TileAdc {
  const float* to_code = nullptr;
  const float* to_value = nullptr;
  float lowest = 0, largest = 0;  // magnitudes below 2^22
  int64_t outputs = 0;
  const float* normals = nullptr;
  const float* deviation = nullptr;
  const float* shift = nullptr;
};

struct TileKernels {
  const char* name;
  bool supported;  // by this machine
  // Quads that are there twice with the same codes, as digits, cost less than
  // remainders.
  bool digits_share_codes;

  // sums [count, columns]
  void (*sums)(const TileWork& work, int32_t* sums);
  // y[p * stride + n] = value, or += value unless `first`. Where most
  // [columns] is not null: most[n] = max(most[n], |sum(p, n) + offset|),
  // rounded up.
  void (*convert)(const TileWork& work, const TileAdc& adc, bool first,
                  float* y, int64_t stride, int32_t* most);
  // y[p * stride + n] += sum(p, n) * to_value[n] for n < outputs: no ADC.
  void (*add)(const TileWork& work, const float* to_value, int64_t outputs,
              float* y, int64_t stride);
  // Without normals: total[n] += value * gy[p * stride + n], pixel after pixel.
  void (*weigh)(const TileWork& work, const TileAdc& adc, const float* gy,
                int64_t stride, float* total);
};

const std::vector<TileKernels>& TileKernelVariants();  // best first

// The variant in use: the best one supported, unless a test or benchmark has
// forced another (null: the best again). Forcing is not for use while other
// threads compute.
const TileKernels& CurrentTileKernels();
void ForceTileKernels(const TileKernels* kernels);

// The variants; one file each. The other fields are as TileKernelVariants says.
TileKernels AmxTile();
TileKernels Avx512VnniTile();
TileKernels Avx512Tile();
TileKernels Avx2Tile();
TileKernels PortableTile();

}  // namespace ohm::hw
