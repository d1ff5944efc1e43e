#include "hw/column_steps.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/crossbar.h"

namespace ohm::hw {
namespace {

// In codes, far below fine steps: a column that holds next to nothing does not
// divide what it reads by that.
constexpr float kLeastStep = 1.0F / 65536;

class Rounder {
 public:
  explicit Rounder(Programmed* p)
      : p_(*p), fan_in_(p->map.matrix().fan_in), outputs_(p->map.outputs()) {}

  void Run() {
    p_.sum_scale = Tensor::Full(p_.map.MaskEntries(), 1.0F);
    ParallelFor(outputs_, 16, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) {
        for (int64_t t = 0; t < p_.map.row_tiles(); ++t) RoundColumn(t, o);
      }
    });
  }

 private:
  size_t slices() const { return p_.slicing.slices.size(); }
  float* Digits(size_t slice, int64_t output) {
    return p_.cells.data() + (int64_t(slice) * outputs_ + output) * fan_in_;
  }

  void RoundColumn(int64_t row_tile, int64_t output) {
    const auto rows = p_.map.RowsOf(row_tile);
    float most = 0;
    for (size_t s = 0; s < slices(); ++s) {
      for (const int32_t k : rows) {
        most = std::max(most, std::fabs(Digits(s, output)[k]));
      }
    }
    if (most == 0) return;
    const float step = std::max(most / 127, kLeastStep);
    p_.sum_scale.data()[row_tile * outputs_ + output] = step;
    for (size_t s = 0; s < slices(); ++s) RoundSlice(rows, s, output, step);
  }

  void RoundSlice(std::span<const int32_t> rows, size_t slice, int64_t output,
                  float step) {
    float* digits = Digits(slice, output);
    const double place = std::ldexp(1.0, p_.slicing.slices[slice].shift);
    const double sign = StoresComplement(rows, slice, output) ? -1 : 1;
    for (const int32_t k : rows) {
      const float held = std::nearbyint(digits[k] / step) * step;
      const double change =
          sign * place * (double(held) - double(digits[k])) * double(p_.step);
      digits[k] = held;
      const int64_t at = output * fan_in_ + k;
      p_.effective.data()[at] += static_cast<float>(change);
      if (p_.converted.defined()) {
        p_.converted.data()[at] += static_cast<float>(change);
      }
    }
  }

  bool StoresComplement(std::span<const int32_t> rows, size_t slice,
                        int64_t output) const {
    return Flips(p_.spec, p_.slicing) &&
           hw::StoresComplement(p_.codes.data() + output * fan_in_, rows,
                                p_.slicing, slice);
  }

  Programmed& p_;
  int64_t fan_in_, outputs_;
};

}  // namespace

void RoundToColumnSteps(Programmed* p) {
  OHM_ASSERT(p->integer && p->cells.defined() && !p->sum_scale.defined());
  Rounder(p).Run();
}

}  // namespace ohm::hw
