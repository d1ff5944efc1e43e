// The fields of a CrossbarSpec as they are named, bounded and explained to
// people, one call of the visitor each, in the order of the docs.
#pragma once

#include "hw/field_doc.h"
#include "hw/spec.h"

namespace ohm::hw {

template <typename Visitor>
void VisitArrayFields(CrossbarSpec& spec, Visitor&& visit) {
  visit("rows", spec.rows,
        FieldDoc{.unit = "cells",
                 .min = 1,
                 .max = 4096,
                 .doc = "Rows (inputs) of one array."});
  visit("columns", spec.columns,
        FieldDoc{.unit = "cells",
                 .min = 1,
                 .max = 4096,
                 .doc = "Columns (outputs) of one array; a logical column "
                        "takes one for each of its slices, side by side."});
  visit("row_order", spec.row_order,
        FieldDoc{.choices = {"kh_kw_c", "c_kh_kw"},
                 .doc = "Order of a layer's fan-in on the rows: channels of "
                        "one kernel position together, or kernel positions of "
                        "one channel (as PytorX)."});
  visit("packing", spec.packing,
        FieldDoc{.choices = {"dense", "aligned"},
                 .doc = "Rows fill every array, or an array ends where the "
                        "innermost run of row_order (all channels of a kernel "
                        "position, or a channel's whole kernel) would be "
                        "cut."});
  visit("pe_arrays", spec.pe_arrays,
        FieldDoc{.unit = "arrays",
                 .min = 1,
                 .max = 1e6,
                 .doc = "Arrays of one processing element (PE); a PE holds "
                        "arrays of one layer only."});
}

template <typename Visitor>
void VisitCellFields(CrossbarSpec& spec, Visitor&& visit) {
  visit("weight_bits", spec.weight_bits,
        FieldDoc{.unit = "bits",
                 .min = 0,
                 .max = 16,
                 .doc = "Signed weight: codes -h..h with h = 2^(bits-1) - 1; "
                        "0: ideal. 1 is not a precision of signed weights."});
  visit("cell_bits", spec.cell_bits,
        FieldDoc{.unit = "bits",
                 .min = 0,
                 .max = 7,
                 .doc = "Bits of one cell: a weight is cut into slices of so "
                        "many, lowest first; 0: one cell holds it whole."});
  visit("encoding", spec.encoding,
        FieldDoc{.choices = {"differential", "offset"},
                 .doc = "Signed weights as the difference of two cells (the "
                        "magnitude in the arm of the sign, arms subtracted "
                        "before the ADC), or as code + h in one cell, h times "
                        "the sum of the inputs subtracted digitally."});
  visit(
      "column_flip", spec.column_flip,
      FieldDoc{.doc = "With encoding = offset: a column whose codes sum to "
                      "more than half of the largest sum stores their "
                      "complement, and its full scale halves (ISAAC). Matters "
                      "where slices are converted apart (adc_per)."});
  visit("g_min", spec.g_min,
        FieldDoc{.unit = "siemens",
                 .min = 0,
                 .max = 1,
                 .doc = "Conductance of an idle cell."});
  visit("g_max", spec.g_max,
        FieldDoc{.unit = "siemens",
                 .min = 1e-12,
                 .max = 1,
                 .doc = "Largest conductance of a cell; that of the largest "
                        "code, less the headroom."});
  visit("headroom", spec.headroom,
        FieldDoc{.unit = "share",
                 .min = 0,
                 .max = 0.99,
                 .doc = "Share of g_max - g_min that no code uses: room for "
                        "predistort."});
  visit("predistort", spec.predistort,
        FieldDoc{.unit = "steps",
                 .min = 0,
                 .max = 100,
                 .doc = "Steps of G <- clip(G * target / effective) before "
                        "cells are written, so that they act as they should "
                        "behind the chip's wires."});
}

template <typename Visitor>
void VisitInputFields(CrossbarSpec& spec, Visitor&& visit) {
  visit("dac_bits", spec.dac_bits,
        FieldDoc{.unit = "bits",
                 .min = 0,
                 .max = 16,
                 .doc = "Signed input: codes -h..h with h = 2^(bits-1) - 1, "
                        "rounded half to even; at least 2, or 0: ideal."});
  visit("dac_levels", spec.dac_levels,
        FieldDoc{.unit = "levels",
                 .min = 0,
                 .max = 65535,
                 .doc = "Signed input of so many levels (odd, at least 3) "
                        "instead of dac_bits; 0: as dac_bits says."});
  visit("input_sign", spec.input_sign,
        FieldDoc{.choices = {"differential", "two_pass", "offset"},
                 .doc = "Signed inputs by voltages of both signs; by two "
                        "passes, positive and negative inputs, subtracted "
                        "digitally; or as code + h, the surplus subtracted "
                        "digitally. Matters where conversions see it: "
                        "adc_per = slice or cycle."});
  visit("input_slice_bits", spec.input_slice_bits,
        FieldDoc{.unit = "bits",
                 .min = 0,
                 .max = 8,
                 .doc = "Input bits of one cycle, lowest first (1: "
                        "bit-serial); 0: all at once by a multi-level DAC."});
  visit("v_dd", spec.v_dd,
        FieldDoc{.unit = "volt",
                 .min = 1e-3,
                 .max = 100,
                 .doc = "Supply; one DAC step is v_dd / (levels of the "
                        "DAC)."});
}

template <typename Visitor>
void VisitOutputFields(CrossbarSpec& spec, Visitor&& visit) {
  visit("adc_bits", spec.adc_bits,
        FieldDoc{.unit = "bits",
                 .min = 0,
                 .max = 16,
                 .doc = "Output code of an ADC, rounded half to even; at "
                        "least 2, or 0: ideal."});
  visit("adc_per", spec.adc_per,
        FieldDoc{.choices = {"output", "slice", "cycle"},
                 .doc = "What is converted: a logical column once, its slices "
                        "and input cycles summed as analog quantities; each "
                        "slice; or each slice in each input cycle. What is "
                        "converted apart is shifted and added digitally."});
  visit("adc_codes", spec.adc_codes,
        FieldDoc{.choices = {"sign_magnitude", "offset"},
                 .doc = "Codes of sums that have a sign: -h..h with h = "
                        "2^(bits-1) - 1, or -h-1..h with the same step. Sums "
                        "that cannot be negative (offset weights and inputs "
                        "without sign) use 0..2^bits - 1."});
  visit("adc_range", spec.adc_range,
        FieldDoc{.choices = {"layer", "tile", "column"},
                 .doc = "What has an ADC range of its own: a layer, each of "
                        "its tiles, or each logical column."});
  visit("adc_range_per", spec.adc_range_per,
        FieldDoc{.choices = {"all", "plane"},
                 .doc = "One range for all slices and cycles that are "
                        "converted apart, as one ADC has, or one for each "
                        "slice in each cycle (calibrated or learned ranges "
                        "only)."});
  visit("calibration", spec.calibration,
        FieldDoc{.choices = {"max", "percentile", "least_error", "full_scale",
                             "fixed", "learned"},
                 .doc = "An ADC range is the largest magnitude of the sums; "
                        "what `percentile` % of them do not exceed; what "
                        "makes the mean square error of a conversion least; "
                        "the largest sum that rows and codes allow (a step "
                        "of at least one unit); fixed_share of that; or a "
                        "parameter that starts at the least error and is "
                        "trained by gradient."});
  visit("percentile", spec.percentile,
        FieldDoc{.unit = "%",
                 .min = 50,
                 .max = 100,
                 .doc = "Share of sums that percentile calibration covers; "
                        "the rest is clipped."});
  visit("fixed_share", spec.fixed_share,
        FieldDoc{.unit = "share",
                 .min = 1e-6,
                 .max = 1,
                 .doc = "Share of the full scale that calibration = fixed "
                        "covers."});
  visit("range_momentum", spec.range_momentum,
        FieldDoc{.min = 0,
                 .max = 1,
                 .doc = "Share of the newest batch in a converter range while "
                        "training."});
}

template <typename Visitor>
void VisitDigitalFields(CrossbarSpec& spec, Visitor&& visit) {
  visit("stuck_correction", spec.stuck_correction,
        FieldDoc{.choices = {"none", "plain", "local", "sparse", "dense"},
                 .doc = "What is added digitally behind the ADCs for cells "
                        "that are known to be stuck: target minus stuck value "
                        "(plain; exact with ideal wires), that times the "
                        "array's local sensitivity, the difference of the "
                        "effective conductances at the stuck cells (sparse), "
                        "or at all cells (dense)."});
}

template <typename Visitor>
void VisitFields(CrossbarSpec& spec, Visitor&& visit) {
  VisitArrayFields(spec, visit);
  VisitCellFields(spec, visit);
  VisitInputFields(spec, visit);
  VisitOutputFields(spec, visit);
  VisitDigitalFields(spec, visit);
}

}  // namespace ohm::hw
