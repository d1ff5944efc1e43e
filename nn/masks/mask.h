// Column masks: one factor per logical column (row tile, output) of a layer's
// arrays. A mask acts digitally, after ADC and subtraction, so that no cell is
// touched; all slices and both polarities of a logical column share one entry.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/module.h"

namespace ohm::nn {

// How the gradient passes a threshold (docs/masks.md has the formulas).
enum class Estimator : uint8_t {
  kIdentity,  // Piggyback's: 1 everywhere
  kSigmoid,   // KSM's: slope 12, s * (1 - s)
};

// What a shift-based mask multiplies by: the powers 2^min .. 2^max, and 0.
struct ShiftLevels {
  int min = -3, max = 3;
  bool zero = true;

  int count() const { return max - min + 1 + (zero ? 1 : 0); }
  int bits() const;  // of an entry

  bool operator==(const ShiftLevels&) const = default;
};

struct MaskOptions {
  float threshold = 5e-3F;  // a column is on where its score is greater
  float init = 1e-2F;       // first score; above the threshold: all on
  Estimator estimator = Estimator::kIdentity;
  ShiftLevels levels;
};

class ColumnMask {
 public:
  virtual ~ColumnMask() = default;

  // [row_tiles, outputs]; recorded for backward.
  virtual Var Gain() = 0;
  // The trained scores, [row_tiles, outputs].
  virtual Var scores() const = 0;

  // What the hardware stores: the entries as bits, row by row, entry i in bit
  // i % 8 of byte i / 8 (u8 tensor); and back, scores becoming any values that
  // give exactly these entries.
  virtual int bits_per_entry() const = 0;
  virtual Tensor Pack() const = 0;
  virtual void Unpack(const Tensor& packed) = 0;
};

struct MaskRow {
  const char* name;
  const char* help;
  bool thresholded;  // scores are cut; else they are factors or exponents
  std::unique_ptr<ColumnMask> (*make)(const Shape& entries,
                                      const MaskOptions& options);
};

const std::vector<MaskRow>& MaskTable();

// Error with the known names where `name` is not one of them.
const MaskRow& FindMask(const std::string& name);

}  // namespace ohm::nn
