#include "hw/spec.h"

#include "core/base/check.h"

namespace ohm::hw {
namespace {

void CheckBits(const char* key, int bits) {
  OHM_CHECK(bits == 0 || (bits >= 2 && bits <= 16),
            std::string("hw.") + key +
                ": expected 0 (ideal) or 2..16 bits, got " +
                std::to_string(bits));
}

}  // namespace

void CheckSpec(const CrossbarSpec& spec) {
  OHM_CHECK(spec.rows >= 1 && spec.columns >= 1,
            "hw.rows, hw.columns: expected at least 1, got " +
                std::to_string(spec.rows) + " and " +
                std::to_string(spec.columns));
  CheckBits("weight_bits", spec.weight_bits);
  CheckBits("dac_bits", spec.dac_bits);
  CheckBits("adc_bits", spec.adc_bits);
  OHM_CHECK(
      spec.g_min < spec.g_max,
      "hw.g_min: expected less than hw.g_max = " + std::to_string(spec.g_max) +
          " siemens, got " + std::to_string(spec.g_min));
}

int LargestCode(int bits) { return (1 << (bits - 1)) - 1; }

}  // namespace ohm::hw
