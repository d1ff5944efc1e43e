#include "hw/conductance.h"

#include <algorithm>

namespace ohm::hw {

double ConductanceStep(const CrossbarSpec& spec) {
  return (spec.g_max - spec.g_min) / LargestCode(spec.weight_bits);
}

Pair ToPair(double code, const CrossbarSpec& spec) {
  const double step = ConductanceStep(spec);
  return {spec.g_min + std::max(code, 0.0) * step,
          spec.g_min + std::max(-code, 0.0) * step};
}

double ToCode(const Pair& pair, const CrossbarSpec& spec) {
  return (pair.plus - pair.minus) / ConductanceStep(spec);
}

}  // namespace ohm::hw
