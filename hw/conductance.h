// Differential pairs: a signed code as the difference of two conductances.
// Source: PytorX w2g.py, with its step corrected so that the largest code uses
// exactly g_max at every precision.
#pragma once

#include "hw/spec.h"

namespace ohm::hw {

// Conductances of one weight's two cells, siemens.
struct Pair {
  double plus = 0, minus = 0;
};

// One code step, siemens: (g_max - g_min) / h. weight_bits >= 2.
double ConductanceStep(const CrossbarSpec& spec);

// plus = g_min + max(code, 0) * step, minus = g_min + max(-code, 0) * step; the
// codes h and -h use g_max exactly. `code` may be fractional (ideal weights, in
// units of h).
Pair ToPair(double code, const CrossbarSpec& spec);
// The reverse, (plus - minus) / step, to the rounding of double: a whole code
// comes back as itself when rounded.
double ToCode(const Pair& pair, const CrossbarSpec& spec);

}  // namespace ohm::hw
