// What a task changes about one layer on a crossbar, learned over a frozen
// backbone: the weights that its cells hold, digital factors behind its
// converters, or both.
//
// A mask over weights rewrites cells whenever the task is switched to. Factors
// touch none: one per logical column (row tile, output), after the
// subtraction, ADC and shift-add, shared by all slices and both polarities.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hw/geometry.h"
#include "nn/masks/threshold.h"
#include "nn/module.h"

namespace ohm::nn {

// The layer that a mask is for.
struct MaskedLayer {
  hw::TileMap map;
  Tensor weights;   // the backbone's, [out, kh, kw, in / groups]
  int largest = 0;  // code of the largest weight; 0: ideal weights
  float range = 0;  // the weight it stands for, the largest of the backbone's
  bool pairs = false;  // whole codes in differential pairs

  Shape entries() const { return map.MaskEntries(); }
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
  Cut cut = {};                 // of scores
  float init = 1e-2F;           // first score; above the threshold: all on
  ShiftLevels levels = {};      // of xma, and of xma2's factors
  int scale_bits = 8;           // of factors of any size; 0: floats
  int pe_rows = 0;              // rows of a PE; 0: all of an array's
  int pe_columns = 0;           // logical columns of a PE; 0: all of an array's
  std::string factors = "xma";  // tier 2: a column mask of the table, or none
  bool one_cell = false;  // new weights take one cell of a pair (hw/rewrite.h)
};

// What the hardware stores, as bits (u8 tensors; nn/masks/entries.h), by kind:
//   "columns"   factors of logical columns
//   "elements"  masks of single weights
//   "kernels"   masks of kernels
//   "pes"       which PEs are rewritten
//   "weights"   codes of rewritten cells
using PackedMask = std::map<std::string, Tensor>;

class Mask {
 public:
  virtual ~Mask() = default;

  // What the cells hold, from what they hold for the backbone; the default
  // leaves that alone. Recorded for backward, as is Gain.
  virtual Var Weights(const Var& backbone, const MaskPass& pass);
  virtual bool rewrites() const { return false; }  // Weights may differ
  // Its weights are written by one cell of each pair.
  virtual bool one_cell() const { return false; }
  // Factors [row_tiles, outputs]; the default is undefined: all 1.
  virtual Var Gain(const MaskPass& pass);

  // One flag per factor: whether it is an entry of the hardware's, not a 1 that
  // the mask leaves as it is; empty: no factors.
  virtual std::vector<uint8_t> ColumnEntries() const { return {}; }

  // One flag per weight: whether its PE is chosen, so that the mask has a code
  // for it (kind "weights"); empty: it has no PEs.
  virtual std::vector<uint8_t> WeightEntries() const { return {}; }

  // What is trained; roles kMaskScore, kMaskFactor and kMaskWeight.
  virtual std::vector<NamedParameter> Parameters() const = 0;

  // What the hardware stores; and back: any values that give exactly these
  // entries. Error where they do not fit.
  virtual PackedMask Pack() const = 0;
  virtual void Unpack(const PackedMask& packed) = 0;
  // Entries of each kind and their bits, as Pack packs them.
  struct Count {
    int64_t entries = 0, bits_each = 0;
  };
  virtual std::map<std::string, Count> Counts() const = 0;
};

struct MaskRow {
  const char* name;
  const char* help;
  std::unique_ptr<Mask> (*make)(const MaskedLayer& layer,
                                const MaskOptions& options);
};

const std::vector<MaskRow>& MaskTable();

// Error with the known names where `name` is not one of them.
const MaskRow& FindMask(const std::string& name);

// The entry `kind` of a packed mask; Error where it has none.
const Tensor& Packed(const PackedMask& packed, const std::string& kind);

}  // namespace ohm::nn
