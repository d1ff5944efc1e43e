#include "hw/spec.h"

#include <string>

#include "core/base/check.h"
#include "core/base/number_text.h"
#include "hw/slicing.h"

namespace ohm::hw {
namespace {

void CheckBits(const char* key, int bits) {
  OHM_CHECK(bits == 0 || (bits >= 2 && bits <= 16),
            std::string("hw.") + key +
                ": expected 0 (ideal) or 2..16 bits, got " +
                std::to_string(bits));
}

void CheckCells(const CrossbarSpec& spec) {
  OHM_CHECK(spec.cell_bits == 0 || spec.weight_bits != 0,
            "hw.cell_bits: expected 0 with ideal weights (hw.weight_bits = 0), "
            "got " +
                std::to_string(spec.cell_bits));
  OHM_CHECK(!spec.column_flip || spec.encoding == Encoding::kOffset,
            "hw.column_flip: expected hw.encoding = \"offset\" with it: only "
            "cells without sign have a complement");
  const auto slices = int(SlicingOf(spec).cell_slices());
  OHM_CHECK(spec.columns >= slices,
            "hw.columns: expected at least " + std::to_string(slices) +
                ", the slices of one weight (hw.weight_bits, hw.cell_bits), "
                "got " +
                std::to_string(spec.columns));
}

// What is converted apart is added up as whole numbers of 24 bits.
void CheckSlicedConversion(const CrossbarSpec& spec) {
  if (spec.adc_per == AdcPer::kOutput || spec.adc_bits == 0) return;
  const char* apart = " where slices are converted apart (hw.adc_per), got ";
  OHM_CHECK(spec.weight_bits >= 2 && spec.weight_bits <= 8,
            "hw.weight_bits: expected 2..8 bits" + std::string(apart) +
                std::to_string(spec.weight_bits));
  const bool by_levels = spec.dac_levels != 0;
  OHM_CHECK(LargestInput(spec) >= 1 && LargestInput(spec) <= 127,
            (by_levels ? "hw.dac_levels: expected at most 255 levels"
                       : "hw.dac_bits: expected 2..8 bits") +
                std::string(apart) +
                std::to_string(by_levels ? spec.dac_levels : spec.dac_bits));
  const Slicing slicing = SlicingOf(spec);
  OHM_CHECK(slicing.LargestWeightDigit() <= 127,
            "hw.cell_bits: expected slices of at most 7 bits" +
                std::string(apart) + "digits up to " +
                std::to_string(slicing.LargestWeightDigit()));
  int64_t most = 0;
  for (const Digits& w : slicing.slices) {
    for (const Digits& x : slicing.cycles)
      most += int64_t{1} << (w.shift + x.shift);
  }
  most <<= spec.adc_bits;
  OHM_CHECK(most < (1 << 24),
            "hw.adc_bits: expected conversions that add up to less than 2^24" +
                std::string(apart) + std::to_string(most) +
                "; take fewer bits or wider slices and cycles");
}

}  // namespace

void CheckSpec(const CrossbarSpec& spec) {
  OHM_CHECK(spec.rows >= 1 && spec.columns >= 1,
            "hw.rows, hw.columns: expected at least 1, got " +
                std::to_string(spec.rows) + " and " +
                std::to_string(spec.columns));
  OHM_CHECK(spec.pe_arrays >= 1, "hw.pe_arrays: expected at least 1, got " +
                                     std::to_string(spec.pe_arrays));
  CheckBits("weight_bits", spec.weight_bits);
  CheckBits("dac_bits", spec.dac_bits);
  CheckBits("adc_bits", spec.adc_bits);
  OHM_CHECK(spec.dac_levels == 0 ||
                (spec.dac_levels >= 3 && spec.dac_levels % 2 == 1),
            "hw.dac_levels: expected 0 or an odd number of levels from 3 on "
            "(as many negative as positive ones, and zero), got " +
                std::to_string(spec.dac_levels));
  OHM_CHECK(spec.dac_levels == 0 || spec.dac_bits != 0,
            "hw.dac_levels: expected 0 with an ideal DAC (hw.dac_bits = 0)");
  OHM_CHECK(
      spec.g_min < spec.g_max,
      "hw.g_min: expected less than hw.g_max = " + NumberText(spec.g_max) +
          " siemens, got " + NumberText(spec.g_min));
  CheckCells(spec);
  CheckSlicedConversion(spec);
  const bool geometric = spec.calibration == Calibration::kFullScale ||
                         spec.calibration == Calibration::kFixed;
  OHM_CHECK(!geometric || (spec.weight_bits != 0 && spec.dac_bits != 0),
            "hw.calibration: expected whole codes (hw.weight_bits and "
            "hw.dac_bits not 0) for a full scale");
}

int LargestCode(int bits) { return (1 << (bits - 1)) - 1; }

int LargestWeight(const CrossbarSpec& spec) {
  return spec.weight_bits == 0 ? 0 : LargestCode(spec.weight_bits);
}

int LargestInput(const CrossbarSpec& spec) {
  if (spec.dac_bits == 0) return 0;
  return spec.dac_levels != 0 ? (spec.dac_levels - 1) / 2
                              : LargestCode(spec.dac_bits);
}

bool CalibratesAdc(const CrossbarSpec& spec) {
  return spec.calibration != Calibration::kFullScale &&
         spec.calibration != Calibration::kFixed;
}

}  // namespace ohm::hw
