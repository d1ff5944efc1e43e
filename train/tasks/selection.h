// Which PEs a task may rewrite (tier 1 of XMA2): importance by one of several
// rules, and the choice of the most important within an exact budget of cells.
#pragma once

#include <string>
#include <vector>

#include "nn/masks/pe.h"

namespace ohm::train {

// What is known of a layer when its PEs are ranked.
struct RankedLayer {
  nn::PeMask* mask = nullptr;
  Tensor backbone;            // its weights
  nn::WeightProfile profile;  // of dL/dW' since the last choice
  Key key;                    // of the layer
};

struct SelectorRow {
  const char* name;
  const char* help;
  // True: all PEs are trained before the choice, which then gives most of them
  // up; false: none, and profiles of gradients decide.
  bool trains_all;
  bool gated;  // PEs have learned gates while all are trained
  // Importance of each PE, summed over its weights; ranked per cell.
  std::vector<double> (*scores)(const RankedLayer& layer);
};

const std::vector<SelectorRow>& SelectorTable();
// Error with the known names where `name` is not one of them.
const SelectorRow& FindSelector(const std::string& name);

// Flags per layer and PE: those that are chosen already where `keep`, then the
// greatest scores per weight, as long as all together have at most `budget`
// weights. A PE that does not fit is passed over. Same bits everywhere.
std::vector<std::vector<uint8_t>> ChooseWithin(
    const std::vector<RankedLayer>& layers, const SelectorRow& selector,
    int64_t budget, bool keep);

}  // namespace ohm::train
