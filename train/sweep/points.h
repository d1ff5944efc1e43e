// The points of a sweep: what the [sweep] section of a config spells out.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/config.h"

namespace ohm::train {

struct SweepPoint {
  // Key and value as text, in the order of the config.
  std::vector<std::pair<std::string, std::string>> overrides;
  bool from_grid = false;
  // The sweep's config with the overrides, with eval.chips = sweep.chips and,
  // where sweep.epochs is above 0, with train.epochs = sweep.epochs and
  // train.resume. It is the same wherever
  // and beside whatever other points the sweep runs: run.dir is empty and so is
  // the sweep section but for its epochs.
  Config config;

  // "hw.adc_bits=4 hw.rows=32", without the override of `left_out`.
  std::string Label(const std::string& left_out = "") const;
};

// All combinations of sweep.grid, the last key changing fastest, then
// sweep.points. Each point's overrides act as if given by --set after those
// that `config` was read with. UsageError names sweep.grid or sweep.points
// where an item is no key=value, names a key that cannot be swept, repeats
// a key or a point or does not load; sweep.plot_x where it is no key of the
// grid.
std::vector<SweepPoint> SweepPoints(const Config& config);

// The key on the plot's x axis: sweep.plot_x, else the first of the grid, else
// "" (there is no grid).
std::string SweepAxis(const Config& config);

// 16 hex digits over the point's config and the bytes of its model.weights:
// equal where a result may be used again. Error if the file cannot be read.
std::string SweepPointHash(const SweepPoint& point);

}  // namespace ohm::train
