// Rounding as every converter here rounds.
#pragma once

namespace ohm::hw {

// Clips to lowest..largest (NaN to largest), then rounds half to even;
// magnitudes below 2^22. The constant pushes the fraction out of the mantissa,
// so that the processor's own rounding (half to even) does the work: it
// vectorises on every x86-64, which std::nearbyint does not on the baseline.
inline float RoundClipped(float value, float lowest, float largest) {
  constexpr float kPush = 12582912.0F;  // 1.5 * 2^23
  value = value < largest ? value : largest;
  value = value > lowest ? value : lowest;
  return (value + kPush) - kPush;
}
inline float RoundClipped(float value, float largest) {
  return RoundClipped(value, -largest, largest);
}

}  // namespace ohm::hw
