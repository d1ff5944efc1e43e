// Draws the noise of a pass (hw/pass_noise.h), block by block. Internal to hw.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hw/adc.h"
#include "hw/crossbar.h"
#include "hw/tile_pass.h"

namespace ohm::hw {

// Adds noise to sums. One per thread.
class NoiseAdder {
 public:
  // `noise` may be null.
  NoiseAdder(const TilePass& pass, const Programmed& weights,
             const Conversion& conversion, const PassNoise* noise);

  bool active() const { return reads_ || injects_; }
  // Gives the converters the noise of one plane's sums; valid until the next
  // call. Nothing where not active.
  void Draw(const TileBlock& block, size_t plane, TileAdc* adc);
  // Adds what was drawn last to the sums; nothing where not active.
  void AddDrawn(const TileBlock& block, std::span<float> sums) const;
  // Standard deviations of what reads draw in one plane's sums, in units of
  // sums, [pixels, padded outputs]; valid until the next call, and empty where
  // reads draw nothing.
  std::span<const float> ReadDeviations(const TileBlock& block, size_t plane);
  // Draws and adds.
  void Add(const TileBlock& block, size_t plane, std::span<float> sums);

 private:
  void SetInjected();
  void SetConstants();
  void ScaleByVariances(const TileBlock& block, size_t plane);
  // Of a layer of floats: |x| and x^2 of each row of a pixel, one after the
  // other; and what reads draw because of them.
  void GatherInputs(const TileBlock& block);
  void SumVariances(const TileBlock& block, int64_t slice);

  const TilePass& pass_;
  const Programmed& weights_;
  const Conversion& conversion_;
  const PassNoise* noise_;
  bool reads_, injects_;
  // In units of sums, ordered as Conversion::At.
  std::vector<float> shift_, deviation_;
  std::vector<float> constants_;  // variances of any input, by slice
  std::vector<float> variances_, normals_, inputs_;
  TileAdc drawn_;            // the noise of the last draw
  std::vector<float> ones_;  // deviations where normals_ have theirs already
  std::vector<const float*> pixels_;
  std::vector<int32_t> rows_;
  TileScratch scratch_;
};

}  // namespace ohm::hw
