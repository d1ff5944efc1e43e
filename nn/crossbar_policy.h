// Leaves that compute on crossbars.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hw/crossbar.h"
#include "nn/layers/weight_layer.h"
#include "nn/masks/mask.h"
#include "nn/policy.h"

namespace ohm::nn {

// The crossbar of one leaf. Forward: quantise the weights, DAC, partial sums,
// ADC, column gains, digital sum, digital bias (hw/crossbar.h). Backward:
// straight-through, with the saturation masks of DAC and ADC.
//
// Converter ranges are buffers, "crossbar.input_range" [1] and
// "crossbar.adc_range" [1] or [tiles]; they hold nothing until calibrated.
//   calibrating: they grow to the largest value seen;
//   training: they follow each batch's maxima by spec.range_momentum, after
//   the batch was computed with the ranges before it;
//   evaluation: they are used as they are; Error if they hold nothing.
class CrossbarPolicy : public Policy {
 public:
  // `path` names the leaf in errors.
  CrossbarPolicy(std::string path, hw::CrossbarSpec spec);

  Var Conv2d(const Var& x, const Var& w, const Var& bias,
             const Conv2dSpec& spec, const Context& context) override;
  Var Linear(const Var& x, const Var& w, const Var& bias,
             const Context& context) override;
  void List(std::vector<NamedParameter>* parameters,
            std::vector<NamedBuffer>* buffers) override;

  const hw::CrossbarSpec& spec() const { return spec_; }
  bool calibrated() const { return input_range_.defined(); }
  void ClearCalibration();

  // Null: no mask, all columns on.
  ColumnMask* mask() const { return mask_.get(); }
  void set_mask(std::unique_ptr<ColumnMask> mask) { mask_ = std::move(mask); }

 private:
  hw::Ranges CurrentRanges() const;
  void FollowInput(float seen, const Context& context);
  void FollowTiles(const std::vector<float>& seen, const Context& context);

  std::string path_;
  hw::CrossbarSpec spec_;
  Tensor input_range_, adc_range_;
  std::unique_ptr<ColumnMask> mask_;
};

// Which leaves go onto crossbars, by dotted path.
using LeafPredicate =
    std::function<bool(const std::string& path, const WeightLayer& leaf)>;
bool EveryLeaf(const std::string& path, const WeightLayer& leaf);

// Gives every leaf of `model` that `predicate` accepts a crossbar of its own.
// Returns how many. Error where `spec` contradicts itself.
int MapToCrossbar(Module* model, const LeafPredicate& predicate,
                  const hw::CrossbarSpec& spec);

// A leaf on a crossbar.
struct CrossbarLeaf {
  std::string path;
  WeightLayer* layer;
  CrossbarPolicy* policy;

  hw::TileMap Map() const;
  hw::MappingReport Report() const;
  Shape mask_entries() const { return Map().MaskEntries(); }
};
std::vector<CrossbarLeaf> CrossbarLeaves(Module* model);

bool OnCrossbar(Module* model);    // at least one leaf is
bool IsCalibrated(Module* model);  // all leaves on crossbars are
void ClearCalibration(Module* model);

}  // namespace ohm::nn
