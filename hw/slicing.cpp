#include "hw/slicing.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace ohm::hw {
namespace {

// 0..largest in digits of `bits` bits, lowest first; 0: in one digit.
std::vector<Digits> Cut(int largest, int bits, int sign) {
  std::vector<Digits> digits;
  const int all = std::max(1, int(std::bit_width(unsigned(largest))));
  const int each = bits == 0 ? all : bits;
  for (int shift = 0; shift < all; shift += each) {
    const int mask = (1 << std::min(each, all - shift)) - 1;
    // The top digit need not reach its mask.
    digits.push_back({shift, std::min(largest >> shift, mask), sign});
  }
  return digits;
}

int LargestOf(const std::vector<Digits>& digits) {
  return std::ranges::max(digits, {}, &Digits::largest).largest;
}

// The bits of a digit, which `largest` alone does not tell: 5 takes 3 of them.
int DigitOf(int value, const std::vector<Digits>& digits, size_t index) {
  const size_t next = index + 1;
  const bool top = next == digits.size() || digits[next].shift == 0;
  const int above = value >> digits[index].shift;
  return top ? above
             : above & ((1 << (digits[next].shift - digits[index].shift)) - 1);
}

int SignedDigitOf(int value, const std::vector<Digits>& digits, size_t index) {
  const int digit = DigitOf(std::abs(value), digits, index);
  return value < 0 ? -digit : digit;
}

}  // namespace

int Slicing::WeightDigit(int code, size_t slice) const {
  return signed_weights ? SignedDigitOf(code, slices, slice)
                        : DigitOf(code + weight_offset, slices, slice);
}

int Slicing::InputDigit(int code, size_t cycle) const {
  if (signed_inputs) return SignedDigitOf(code, cycles, cycle);
  if (two_pass_) {
    return DigitOf(std::max(0, cycles[cycle].sign * code), cycles, cycle);
  }
  return DigitOf(code + input_offset, cycles, cycle);
}

int Slicing::LargestWeightDigit() const { return LargestOf(slices); }
int Slicing::LargestInputDigit() const { return LargestOf(cycles); }

bool Slicing::bit_serial() const {
  return !whole_ && !signed_inputs &&
         std::ranges::all_of(cycles,
                             [](const Digits& c) { return c.largest == 1; });
}

Slicing WholeSlicing(const CrossbarSpec& spec) {
  Slicing s;
  const int h = LargestWeight(spec);
  const bool offset = spec.encoding == Encoding::kOffset;
  s.cell_slices_ = int64_t(Cut(offset ? 2 * h : h, spec.cell_bits, 1).size());
  s.slices = Cut(h, 0, 1);
  s.cycles = Cut(LargestInput(spec), 0, 1);
  return s;
}

bool Flips(const CrossbarSpec& spec, const Slicing& slicing) {
  return spec.column_flip && !slicing.signed_weights;
}

bool StoresComplement(const float* codes, std::span<const int32_t> rows,
                      const Slicing& slicing, size_t slice) {
  int64_t sum = 0;
  for (const int32_t k : rows) {
    sum += slicing.WeightDigit(static_cast<int>(codes[k]), slice);
  }
  return 2 * sum > int64_t(rows.size()) * slicing.slices[slice].largest;
}

Slicing CellSlicing(const CrossbarSpec& spec) {
  CrossbarSpec apart = spec;
  apart.adc_per = AdcPer::kSlice;
  apart.adc_bits = std::max(spec.adc_bits, 2);
  apart.dac_bits = std::max(spec.dac_bits, 2);  // cells know no DAC
  return SlicingOf(apart);
}

Slicing SlicingOf(const CrossbarSpec& spec) {
  Slicing s = WholeSlicing(spec);
  const int w = LargestWeight(spec), x = LargestInput(spec);
  if (spec.adc_per == AdcPer::kOutput || spec.adc_bits == 0 || w == 0 ||
      x == 0) {
    return s;
  }
  s.whole_ = false;
  s.signed_weights = spec.encoding == Encoding::kDifferential;
  s.weight_offset = s.signed_weights ? 0 : w;
  s.slices = Cut(w + s.weight_offset, spec.cell_bits, 1);

  const int bits = spec.adc_per == AdcPer::kCycle ? spec.input_slice_bits : 0;
  s.signed_inputs = spec.input_sign == InputSign::kDifferential;
  s.two_pass_ = spec.input_sign == InputSign::kTwoPass;
  s.input_offset = spec.input_sign == InputSign::kOffset ? x : 0;
  s.cycles = Cut(x + s.input_offset, bits, 1);
  if (s.two_pass_) {
    const auto negative = Cut(x, bits, -1);
    s.cycles.insert(s.cycles.end(), negative.begin(), negative.end());
  }
  return s;
}

}  // namespace ohm::hw
