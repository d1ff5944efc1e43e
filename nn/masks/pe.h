// XMA2: a PE-wise mask and column factors, reconstructed from the abstract of
// "XMA2: a crossbar-aware multi-task adaption framework via 2-tier masks"
// (Frontiers in Electronics 3:1032485, 2022): PEs that a mask chooses are
// reprogrammed (tier 1); in the others, whose weights are frozen, a factor per
// logical column is learned (tier 2). How PEs are chosen, and both tiers being
// trained together, is ours.
//
//   W' = W1 in chosen PEs, the backbone's elsewhere
//   gain = 1 where all of a column is in chosen PEs, tier 2's factor elsewhere
//
// Where one cell of a pair is to be written (one_cell; ours) W1 stays where
// that reaches, so a PE never costs more than half of its cells.
//
// A PE of whole columns that is chosen late takes the factors that they have
// learned so far into its weights, W1 = f W0, so that choosing changes no
// output but by what cells round, what is cut off where f W0 is beyond their
// range (or, with one cell, beyond what it reaches), and by the ADC, before
// which f acts from then on: its range stays what it was. (PEs of some of an
// array's rows leave the factor where it is until all of the column is chosen.)
// While gates are learned (which may give a PE up again) factors stay before
// W1, too, and go into it when the gates go.
//
// XST ("XST: a crossbar column-wise sparse training for efficient continual
// learning", DATE 2022, known by its abstract) is reconstructed as the same
// with PEs of one column, and the other columns on or off.
#pragma once

#include <span>

#include "nn/masks/column_mask.h"
#include "nn/masks/pe_grid.h"

namespace ohm::nn {

// What backward saw of dL/dW', the gradient of the weights in the cells, with
// weights as in memory: sums over passes.
struct WeightProfile {
  Tensor sum, magnitude, square;  // of g, |g| and g^2
  int64_t passes = 0;
};

class PeMask : public Mask {
 public:
  // Error where one cell is asked for with ideal weights, which have no range.
  PeMask(const MaskedLayer& layer, const MaskOptions& options);

  Var Weights(const Var& backbone, const MaskPass& pass) override;
  bool rewrites() const override { return weights_.defined(); }
  bool one_cell() const override { return one_cell_; }
  Var Gain(const MaskPass& pass) override;
  std::vector<uint8_t> ColumnEntries() const override;
  std::vector<uint8_t> WeightEntries() const override;
  std::vector<NamedParameter> Parameters() const override;
  PackedMask Pack() const override;
  void Unpack(const PackedMask& packed) override;
  std::map<std::string, Count> Counts() const override;

  const PeGrid& grid() const { return grid_; }
  // One flag per PE; none is chosen at first.
  const std::vector<uint8_t>& chosen() const { return chosen_; }
  // Those that were chosen before keep their weights, the others start from
  // the backbone's times their columns' factors. Gates end, and factors before
  // W1 go into it. Parameters() are new ones.
  void Choose(std::vector<uint8_t> chosen);
  // The trained weights of all PEs, like the backbone's; those of PEs that are
  // not chosen are the backbone's.
  Tensor AllWeights() const;

  // While set, backward adds what it sees; null: it does not.
  void set_profile(WeightProfile* profile) { profile_ = profile; }

  // Learned gates: a score per chosen PE, cut as other masks are (MaskOptions:
  // threshold, estimator, first score), decides whether the pass computes with
  // W1 or with the backbone's. d gate = <dL/dW', W1 - W0> + price * weights of
  // the PE; it is 0 while W1 = W0.
  void AddGates();
  // One flag per PE: chosen, and its gate, where it has one, is open.
  std::vector<uint8_t> PesOn() const;
  void set_gate_price(float price) { price_ = price; }
  const Var& gates() const { return gates_; }

 private:
  void FindPlaces();
  void FindBounds();
  // W1 as cells can hold it.
  Var Clipped() const;
  // What a pass multiplies sums by; undefined: nothing.
  Tensor GainOfPass();
  Var Gates(const MaskPass& pass) const;  // 0 or 1
  // The backbone's weights with those of the chosen PEs from `own`.
  Tensor Replaced(const Var& own) const;
  // Of the chosen PEs' weights, which acted as `held`, so that they act with
  // factors `after` as they did with `before`.
  void TakeGain(const Tensor& held, const Tensor& before, const Tensor& after,
                Tensor* own);
  // One flag per mask entry: 1 where any of the column's weights is frozen.
  std::vector<uint8_t> FrozenColumns() const;

  MaskedLayer layer_;
  bool one_cell_;
  Cut cut_;     // of gates
  float init_;  // of their scores
  PeGrid grid_;
  std::vector<uint8_t> chosen_;
  std::vector<int64_t> places_;  // in memory, of the chosen PEs' weights
  Var weights_;                  // of the same; undefined: no PE is chosen
  Tensor low_, high_;            // of the same, where one cell reaches not all
  std::unique_ptr<ColumnMask> columns_;  // null: no factors
  Var gates_;                            // of chosen PEs
  float price_ = 0;
  WeightProfile* profile_ = nullptr;
  Var probe_;  // so that backward comes here where nothing else is trained
};

std::unique_ptr<Mask> MakePe(const MaskedLayer& layer,
                             const MaskOptions& options);
// PEs of one column each, the others on or off.
std::unique_ptr<Mask> MakeSparseColumns(const MaskedLayer& layer,
                                        const MaskOptions& options);

}  // namespace ohm::nn
