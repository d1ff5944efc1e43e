// What one kind of crossbar is: array size, cells and converters. Every field
// has its range, unit and meaning in hw/spec_fields.h: config keys ("hw." in
// front), --help and the docs come from there.
#pragma once

#include <cstdint>

namespace ohm::hw {

enum class RowOrder : uint8_t { kKhKwC, kCKhKw };
enum class Packing : uint8_t { kDense, kAligned };
enum class Encoding : uint8_t { kDifferential, kOffset };
enum class InputSign : uint8_t { kDifferential, kTwoPass, kOffset };
enum class AdcPer : uint8_t { kOutput, kSlice, kCycle };
enum class AdcCodes : uint8_t { kSignMagnitude, kOffset };
enum class AdcRange : uint8_t { kLayer, kTile, kColumn };
enum class AdcRangePer : uint8_t { kAll, kPlane };
enum class Calibration : uint8_t {
  kMax,
  kPercentile,
  kLeastError,
  kFullScale,
  kFixed,
  kLearned,
};

// What is added digitally, behind the ADCs, for cells that a test of the chip
// found stuck: V * E over these cells, exactly (PytorX, layer.py). With ideal
// wires all but kNone are the same.
enum class StuckCorrection : uint8_t {
  kNone,
  kPlain,   // E = target - stuck: over-corrects behind wires
  kLocal,   // that times the local sensitivity of the faulty array
  kSparse,  // difference of the effective conductances at the faulty cells
  kDense,   // at all cells: leaves the array as without faults
};

struct CrossbarSpec {
  // Arrays, and where weights lie in them.
  int rows = 64;
  int columns = 64;
  RowOrder row_order = RowOrder::kKhKwC;
  Packing packing = Packing::kDense;
  int pe_arrays = 8;
  // Cells.
  int weight_bits = 8;
  int cell_bits = 0;
  Encoding encoding = Encoding::kDifferential;
  bool column_flip = false;
  double g_min = 1.0 / 3e6;
  double g_max = 1.0 / 3e3;
  double headroom = 0;
  int predistort = 0;
  // Inputs.
  int dac_bits = 8;
  int dac_levels = 0;
  InputSign input_sign = InputSign::kDifferential;
  int input_slice_bits = 0;
  double v_dd = 3.3;
  // Outputs.
  int adc_bits = 8;
  AdcPer adc_per = AdcPer::kOutput;
  AdcCodes adc_codes = AdcCodes::kSignMagnitude;
  AdcRange adc_range = AdcRange::kTile;
  AdcRangePer adc_range_per = AdcRangePer::kAll;
  Calibration calibration = Calibration::kMax;
  double percentile = 99.99;
  double fixed_share = 1.0;
  double range_momentum = 0.05;
  StuckCorrection stuck_correction = StuckCorrection::kNone;

  bool operator==(const CrossbarSpec&) const = default;
};

// Error, naming the key, where fields contradict each other.
void CheckSpec(const CrossbarSpec& spec);

// Largest code of a signed converter of `bits` >= 2: 2^(bits-1) - 1.
int LargestCode(int bits);

// Largest code of a weight or an input: of `bits`, or what dac_levels says;
// 0: ideal.
int LargestWeight(const CrossbarSpec& spec);
int LargestInput(const CrossbarSpec& spec);

// Whether ADC ranges come from the data that the layers see, and are kept as
// state; else from the geometry alone.
bool CalibratesAdc(const CrossbarSpec& spec);

}  // namespace ohm::hw
