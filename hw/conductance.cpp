#include "hw/conductance.h"

#include <algorithm>
#include <cmath>

namespace ohm::hw {

double ConductanceStep(const CrossbarSpec& spec) {
  return (spec.g_max - spec.g_min) / LargestCode(spec.weight_bits);
}

Pair ToPair(double code, const CrossbarSpec& spec) {
  // lerp, unlike g_min + code * step, meets g_max to the last bit.
  const double part = code / LargestCode(spec.weight_bits);
  return {std::lerp(spec.g_min, spec.g_max, std::max(part, 0.0)),
          std::lerp(spec.g_min, spec.g_max, std::max(-part, 0.0))};
}

double ToCode(const Pair& pair, const CrossbarSpec& spec) {
  return (pair.plus - pair.minus) / ConductanceStep(spec);
}

}  // namespace ohm::hw
