// What is drawn anew at each product: the noise of reading cells, and noise
// that training injects. Sums of independent Gaussians are Gaussian, so what
// every cell of a column draws is drawn once per column, of the sum of their
// variances: exact in distribution, for one more product instead of a draw per
// cell.
#pragma once

#include <cstdint>

#include "core/base/random.h"
#include "core/tensor/tensor.h"

namespace ohm::hw {

// Draws depend on the key, the image, its output pixel, row tile, output and
// plane alone; not on what else is in the batch, nor on threads.
struct PassNoise {
  Key key;                  // of the layer in this pass
  int64_t first_image = 0;  // number of x's first image under the key
  // Injected before the ADC, layer units, [row_tiles, out] each; undefined: 0.
  // Whole conversions only (adc_per = output).
  Tensor shift, deviation;

  bool injects() const { return shift.defined() || deviation.defined(); }
};

}  // namespace ohm::hw
