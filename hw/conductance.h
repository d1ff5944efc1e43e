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

// `largest` is the largest code of a cell, at least 1.

// One code step, siemens: (g_max - g_min) / largest.
double ConductanceStep(int largest, const CrossbarSpec& spec);

// plus = g_min + max(code, 0) * step, minus = g_min + max(-code, 0) * step; the
// codes `largest` and -largest use g_max exactly. `code` may be fractional
// (ideal weights). The arm `plus` alone is a cell without sign.
Pair ToPair(double code, int largest, const CrossbarSpec& spec);
// The reverse, (plus - minus) / step, to the rounding of double: a whole code
// comes back as itself when rounded.
double ToCode(const Pair& pair, int largest, const CrossbarSpec& spec);

}  // namespace ohm::hw
