// What one kind of crossbar is: array size, cells and converters. Every field
// is declared once, in Visit: config keys ("hw." in front), --help and the docs
// come from there.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace ohm::hw {

struct FieldDoc {
  const char* unit = "";
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  std::vector<const char*> choices = {};
  const char* doc = "";
};

enum class AdcRange : uint8_t { kLayer, kTile };
enum class Calibration : uint8_t { kMax, kPercentile };

struct CrossbarSpec {
  int rows = 64;
  int columns = 64;
  int weight_bits = 8;
  int dac_bits = 8;
  int adc_bits = 8;
  AdcRange adc_range = AdcRange::kTile;
  Calibration calibration = Calibration::kMax;
  double percentile = 99.99;
  double range_momentum = 0.05;
  double g_min = 1.0 / 3e6;
  double g_max = 1.0 / 3e3;
  double v_dd = 3.3;

  template <typename Visitor>
  void Visit(Visitor&& visit) {
    visit("rows", rows,
          FieldDoc{.unit = "cells",
                   .min = 1,
                   .max = 4096,
                   .doc = "Rows (inputs) of one array."});
    visit("columns", columns,
          FieldDoc{.unit = "cells",
                   .min = 1,
                   .max = 4096,
                   .doc = "Columns (outputs) of one array."});
    visit("weight_bits", weight_bits,
          FieldDoc{.unit = "bits",
                   .min = 0,
                   .max = 16,
                   .doc = "Signed weight: codes -h..h with h = 2^(bits-1) - 1, "
                          "so a cell of a pair holds bits - 1; 0: ideal. 1 is "
                          "not a precision of signed weights."});
    visit("dac_bits", dac_bits,
          FieldDoc{.unit = "bits",
                   .min = 0,
                   .max = 16,
                   .doc = "Signed input: codes -h..h as voltages of both "
                          "signs; 0: ideal."});
    visit("adc_bits", adc_bits,
          FieldDoc{.unit = "bits",
                   .min = 0,
                   .max = 16,
                   .doc = "Signed output code of the difference of both "
                          "arms' currents; 0: ideal."});
    visit("adc_range", adc_range,
          FieldDoc{.choices = {"layer", "tile"},
                   .doc = "One ADC range for a layer, or one for each of its "
                          "tiles."});
    visit("calibration", calibration,
          FieldDoc{.choices = {"max", "percentile"},
                   .doc = "What an ADC range covers of a batch: the largest "
                          "magnitude of a tile's partial sums, or `percentile` "
                          "% of them (a layer's range: the largest of its "
                          "tiles')."});
    visit("percentile", percentile,
          FieldDoc{.unit = "%",
                   .min = 50,
                   .max = 100,
                   .doc = "Share of partial sums that percentile calibration "
                          "covers; the rest is clipped."});
    visit("range_momentum", range_momentum,
          FieldDoc{.min = 0,
                   .max = 1,
                   .doc = "Share of the newest batch's maximum in a converter "
                          "range while training."});
    visit("g_min", g_min,
          FieldDoc{.unit = "siemens",
                   .min = 0,
                   .max = 1,
                   .doc = "Conductance of an idle cell."});
    visit("g_max", g_max,
          FieldDoc{.unit = "siemens",
                   .min = 1e-12,
                   .max = 1,
                   .doc = "Conductance of the largest code."});
    visit("v_dd", v_dd,
          FieldDoc{.unit = "volt",
                   .min = 1e-3,
                   .max = 100,
                   .doc = "Supply; one DAC step is v_dd / (2^dac_bits - 1)."});
  }

  bool operator==(const CrossbarSpec&) const = default;
};

// Error, naming the key, where fields contradict each other: 1 bit, or
// g_min >= g_max.
void CheckSpec(const CrossbarSpec& spec);

// Largest code of a signed converter of `bits` >= 2: 2^(bits-1) - 1.
int LargestCode(int bits);

}  // namespace ohm::hw
