// How codes are cut into what is converted apart: the digits that a weight's
// slices hold and the digits that an input's cycles apply. Whatever the cut,
//   W = sum over slices of 2^shift * digit - weight_offset
//   X = sum over cycles of sign * 2^shift * digit - input_offset.
// With adc_per = output nothing is converted apart: one slice, one cycle, and
// the digits are the signed codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hw/spec.h"

namespace ohm::hw {

struct Digits {
  int shift = 0;
  int largest = 0;  // magnitude
  int sign = 1;     // -1: of a pass with the negative inputs
};

class Slicing {
 public:
  std::vector<Digits> slices, cycles;
  int weight_offset = 0, input_offset = 0;
  bool signed_weights = true, signed_inputs = true;  // digits have a sign

  // Digit of a signed code, |code| <= the largest of its kind.
  int WeightDigit(int code, size_t slice) const;
  int InputDigit(int code, size_t cycle) const;

  int LargestWeightDigit() const;
  int LargestInputDigit() const;

  // One conversion of the whole product of codes.
  bool whole() const { return whole_; }
  // Sums cannot be negative.
  bool unipolar() const { return !signed_weights && !signed_inputs; }
  // Every cycle applies one bit of inputs without sign.
  bool bit_serial() const;
  size_t passes() const { return two_pass_ ? 2 : 1; }
  // Columns of an array that one weight takes, converted apart or not.
  int64_t cell_slices() const { return cell_slices_; }

 private:
  friend Slicing SlicingOf(const CrossbarSpec& spec);
  friend Slicing WholeSlicing(const CrossbarSpec& spec);
  bool whole_ = true;
  bool two_pass_ = false;
  int64_t cell_slices_ = 1;
};

// Whether slices of logical columns may store complements (column_flip).
bool Flips(const CrossbarSpec& spec, const Slicing& slicing);
// Whether a slice of a logical column then does, digit for digit: the digits of
// `rows` add up to more than half of the most that they could. `codes`: of the
// column, by fan-in index.
bool StoresComplement(const float* codes, std::span<const int32_t> rows,
                      const Slicing& slicing, size_t slice);

// What is converted apart, as hw.adc_per and hw.cell_bits say; whole where
// nothing is. `spec` as CheckSpec passes it.
Slicing SlicingOf(const CrossbarSpec& spec);

// The slices that the cells hold, converted apart or not; magnitudes with a
// sign (differential) or codes + weight_offset (offset).
Slicing CellSlicing(const CrossbarSpec& spec);

// The same cells and inputs converted as one: what an ADC that loses nothing
// makes of any slicing.
Slicing WholeSlicing(const CrossbarSpec& spec);

}  // namespace ohm::hw
