// What is drawn anew at each product: the noise of reading cells, and noise
// that training injects. Sums of independent Gaussians are Gaussian, so what
// every cell of a column draws is drawn once per column, of the sum of their
// variances: exact in distribution, for one more product instead of a draw per
// cell.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/random.h"
#include "core/tensor/tensor.h"

namespace ohm::hw {

struct Programmed;
struct TileBlock;
struct Conversion;
class TilePass;

// Draws depend on the key, the image, its output pixel, row tile, output and
// plane alone; not on what else is in the batch, nor on threads.
struct PassNoise {
  Key key;                  // of the layer in this pass
  int64_t first_image = 0;  // number of x's first image under the key
  // Injected before the ADC, layer units, [row_tiles, out] each; undefined: 0.
  // Whole conversions only (adc_per = output).
  Tensor shift, deviation;
};

// Adds noise to sums. One per thread. Internal to hw.
class NoiseAdder {
 public:
  // `noise` may be null.
  NoiseAdder(const TilePass& pass, const Programmed& weights,
             const Conversion& conversion, const PassNoise* noise);

  bool active() const { return reads_ || injects_; }
  // The noise of each sum of one plane, [pixels, padded outputs] in units of
  // pass.unit(); valid until the next call. Only where active().
  std::span<const float> Offsets(const TileBlock& block, size_t plane);
  // The same, added to sums; nothing where not active.
  void Add(const TileBlock& block, size_t plane, std::span<float> sums);

 private:
  void AddVariances(const TileBlock& block, size_t plane);
  void SetInjected();
  // Applied inputs of a pixel: |x| and x^2 of each row, one after the other.
  void GatherInputs(const TileBlock& block, size_t plane);

  const TilePass& pass_;
  const Programmed& weights_;
  const Conversion& conversion_;
  const PassNoise* noise_;
  bool reads_, injects_;
  // In units of sums, ordered as Conversion::At.
  std::vector<float> shift_, deviation_;
  std::vector<float> variances_, offsets_, inputs_;
  std::vector<const float*> pixels_;
  std::vector<int32_t> rows_;
};

}  // namespace ohm::hw
