#include "hw/wires/ladder.h"

#include <algorithm>

#include "core/kernels/simd.h"

namespace ohm::hw {

OHM_SIMD_CLONES void LadderPass(const LadderShape& shape, const double* g,
                                double* y, double* pass) {
  const int64_t lines = shape.lines;
  for (int64_t k = shape.nodes - 1; k >= 0; --k) {
    const double r = shape.Resistance(k);
    const int64_t begin = k * lines, end = begin + lines;
    const bool last = k + 1 == shape.nodes;
    for (int64_t c = begin; c < end; ++c) {
      y[c] = g[c] + (last ? 0 : y[c + lines] * pass[c + lines]);
      pass[c] = 1 / (1 + r * y[c]);
    }
  }
}

OHM_SIMD_CLONES void LadderVoltages(const LadderShape& shape,
                                    const double* pass, double* v) {
  std::copy_n(pass, shape.lines, v);
  for (int64_t k = 1; k < shape.nodes; ++k) {
    const double* share = pass + k * shape.lines;
    const double* before = v + (k - 1) * shape.lines;
    double* here = v + k * shape.lines;
    for (int64_t l = 0; l < shape.lines; ++l) here[l] = before[l] * share[l];
  }
}

OHM_SIMD_CLONES void LadderSelf(const LadderShape& shape, const double* g,
                                const double* y, const double* pass,
                                double* self, double* rest) {
  const int64_t lines = shape.lines;
  for (int64_t k = 0; k < shape.nodes; ++k) {
    const double r = shape.Resistance(k);
    const int64_t begin = k * lines, end = begin + lines;
    // Towards the driver, in `rest` until it is used up: r in series with what
    // the node before sees with its cell.
    for (int64_t c = begin; c < end; ++c) {
      rest[c] = r;
      if (k > 0) {
        rest[c] += rest[c - lines] / (1 + g[c - lines] * rest[c - lines]);
      }
    }
  }
  for (int64_t k = 0; k < shape.nodes; ++k) {
    const int64_t begin = k * lines, end = begin + lines;
    const bool last = k + 1 == shape.nodes;
    for (int64_t c = begin; c < end; ++c) {
      const double away = last ? 0 : y[c + lines] * pass[c + lines];
      const double scale = 1 / (1 + rest[c] * y[c]);
      self[c] = rest[c] * scale;
      rest[c] = (1 + rest[c] * away) * scale;
    }
  }
}

OHM_SIMD_CLONES void LadderSolve(const LadderShape& shape, const double* pass,
                                 const double* source, const double* injected,
                                 double* v) {
  const int64_t lines = shape.lines;
  // v holds the current that node k and all behind it inject towards r[k].
  for (int64_t k = shape.nodes - 1; k >= 0; --k) {
    const int64_t begin = k * lines, end = begin + lines;
    const bool last = k + 1 == shape.nodes;
    for (int64_t c = begin; c < end; ++c) {
      v[c] = injected[c] + (last ? 0 : v[c + lines] * pass[c + lines]);
    }
  }
  for (int64_t k = 0; k < shape.nodes; ++k) {
    const double r = shape.Resistance(k);
    double* here = v + k * lines;
    const double* share = pass + k * lines;
    for (int64_t l = 0; l < lines; ++l) {
      const double before = k > 0               ? here[l - lines]
                            : source != nullptr ? source[l]
                                                : 0;
      here[l] = (before + r * here[l]) * share[l];
    }
  }
}

}  // namespace ohm::hw
