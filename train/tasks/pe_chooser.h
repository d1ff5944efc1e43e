// When and how a task's PEs are chosen while it is trained.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/models/model.h"
#include "train/options/pes.h"
#include "train/tasks/selection.h"

namespace ohm::train {

// For a model whose masks are PE masks (nn/masks/pe.h). The choice is made in
// tasks.select_rounds rounds, at equal distances up to `until` steps. Rules
// that look at gradients choose more in each round, of what the gradients since
// the round before say; rules that train all PEs first give more up in each
// (what is left falls by the same factor each time). With gates, the first half
// of the steps trains without them, for a gate has no gradient while the
// weights are the backbone's.
class PeChooser {
 public:
  PeChooser(nn::Model* model, const PeOptions& options, int64_t until, Key key);

  // Call with the number of steps done, 0 before the first. True: parameters
  // have been replaced.
  bool At(int64_t steps);
  bool done() const { return round_ > rounds_; }

 private:
  void Start();
  void ChooseRound();
  void SetPrices();
  int64_t Weights(bool chosen_only) const;

  const PeOptions& options_;
  const SelectorRow& selector_;
  int64_t until_, rounds_, round_ = 1;
  double cells_per_write_ = 1;  // cells of a weight, for one that is written
  int64_t budget_;              // weights
  std::vector<RankedLayer> layers_;
};

}  // namespace ohm::train
