#include "hw/conductance.h"

#include <algorithm>
#include <cmath>

namespace ohm::hw {

double ConductanceStep(int largest, const CrossbarSpec& spec) {
  return (spec.g_max - spec.g_min) / largest;
}

Pair ToPair(double code, int largest, const CrossbarSpec& spec) {
  // lerp, unlike g_min + code * step, meets g_max to the last bit.
  const double part = code / largest;
  return {std::lerp(spec.g_min, spec.g_max, std::max(part, 0.0)),
          std::lerp(spec.g_min, spec.g_max, std::max(-part, 0.0))};
}

double ToCode(const Pair& pair, int largest, const CrossbarSpec& spec) {
  return (pair.plus - pair.minus) / ConductanceStep(largest, spec);
}

}  // namespace ohm::hw
