// Leaves that compute on crossbars.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hw/crossbar.h"
#include "hw/shift_profile.h"
#include "hw/statistics.h"
#include "nn/layers/weight_layer.h"
#include "nn/masks/mask.h"
#include "nn/policy.h"

namespace ohm::nn {

// The crossbar of one leaf. Forward: quantise the weights, DAC, partial sums,
// ADC, column gains, digital sum, digital bias (hw/crossbar.h). Backward:
// straight-through, with the saturation masks of DAC and ADC. Images may be f32
// or bf16.
//
// Converter ranges are buffers, "crossbar.input_range" [1] and
// "crossbar.adc_range" [ranges] (hw::AdcRangeCount; none where the geometry
// gives them); they hold nothing until calibrated. With calibration = learned
// the latter is a parameter of role kAdcRange that starts at 0, "not yet set",
// and keeps what calibration or the first batch of training sets it to until an
// optimiser changes it.
//   calibrating: they grow to the largest value seen;
//   training: they follow each batch's maxima by spec.range_momentum, after
//   the batch was computed with the ranges before it;
//   evaluation: they are used as they are; Error if they hold nothing.
// Noise of reads is drawn from Context::noise and the chip's own key: two chips
// draw apart, the same chip draws the same again.
class CrossbarPolicy : public Policy {
 public:
  // `path` names the leaf in errors.
  // `map` is how the leaf's weights lie. Error where `spec` contradicts itself.
  CrossbarPolicy(std::string path, hw::CrossbarSpec spec,
                 const hw::TileMap& map);

  Var Conv2d(const Var& x, const Var& w, const Var& bias,
             const Conv2dSpec& spec, const Context& context) override;
  Var Linear(const Var& x, const Var& w, const Var& bias,
             const Context& context) override;
  // Its ADC ranges hold nothing until the next batch of training; the input's
  // range stays, for the inputs are the same.
  void WeightsReplaced(const Shape& weights) override;
  void List(std::vector<NamedParameter>* parameters,
            std::vector<NamedBuffer>* buffers) override;

  const hw::CrossbarSpec& spec() const { return spec_; }
  // Whether all ranges are there that the converters take from data.
  bool calibrated() const;
  // Forgets all ranges that data have set; what was learned stays: ADC ranges
  // that an optimiser has had here, or that were loaded (files do not tell
  // whether one had).
  void ClearCalibration();

  // The devices that hold the weights; null: ideal ones. Cells are written anew
  // whenever the weights change, as the same chip and with the same draws.
  void set_chip(std::shared_ptr<const hw::LayerOnChip> chip) {
    chip_ = std::move(chip);
    written_ = {};
    SolveWiresAnew();
  }
  // Learned ranges were loaded with the state of a training that had begun:
  // ClearCalibration keeps them, as in the process that trained them.
  void RangesAreTrained() { untrained_ = false; }
  const hw::LayerOnChip* chip() const { return chip_.get(); }
  // The next step of training solves the wires anew, and counts
  // device.wire_refresh from there. Where a training starts or is saved, for
  // what stands for the wires in between is no state: one that goes on from a
  // file has to do as the one that did not stop.
  void SolveWiresAnew() {
    frozen_.clear();
    steps_ = 0;
  }

  // What training makes of the sums before their ADCs (NIA): attenuation * sum
  // + shift + deviation * N(0, 1). Attenuations need ideal devices. No state:
  // set by who trains.
  void set_injection(hw::ShiftFit injection) {
    injection_ = std::move(injection);
    written_ = {};
  }
  // Digital factors of converted sums, [row_tiles, out]; undefined: 1. They
  // multiply with a mask's.
  void set_column_gain(Tensor gain) { column_gain_ = std::move(gain); }
  const Tensor& column_gain() const { return column_gain_; }

  // While set, every forward pass adds to the profile what its sums would be on
  // `chip`, and goes on with what they are; null: none does. The weights must
  // not change in between.
  void set_profile(hw::ShiftProfile* profile,
                   std::shared_ptr<const hw::LayerOnChip> chip) {
    profile_ = profile;
    profile_chip_ = std::move(chip);
    profile_cells_ = nullptr;
  }
  // The cells of the last forward pass that trained no weights; null: none
  // since the chip was set.
  const hw::Programmed* written() const { return written_.cells.get(); }
  // Output pixels of one image in the last forward pass; 0: there was none.
  int64_t pixels() const { return pixels_; }

  // While set, every forward pass adds what its ADCs see; null: none does. The
  // weights must not change in between.
  void set_statistics(std::vector<hw::TileStatistics>* tiles) {
    statistics_ = tiles;
    counted_cells_ = nullptr;
  }

  // Null: no mask, the backbone as it is. Its parameters are listed as
  // "crossbar.mask.<name>". A mask that rewrites cells is written with the
  // backbone's range of weight codes, so that cells it leaves alone stay as
  // they are.
  Mask* mask() const { return mask_.get(); }
  void set_mask(std::unique_ptr<Mask> mask) {
    mask_ = std::move(mask);
    SolveWiresAnew();
  }

 private:
  bool learns() const;
  // A fresh head has this one alone until its first batch.
  bool has_input_range() const { return input_range_.defined(); }
  // The ADC ranges, as state; undefined until set.
  Tensor AdcRanges() const;
  hw::Ranges CurrentRanges() const;
  // The cells with these weights; they are kept until the weights change,
  // unless those are being trained.
  std::shared_ptr<const hw::Programmed> Written(const Var& w,
                                                const hw::Writing& writing,
                                                const Conv2dSpec& conv,
                                                const Context& context);
  // Error where there are others than the cells' arrays ask for.
  void CheckRanges(const hw::Programmed& cells, const hw::Ranges& ranges) const;
  // Adds a pass to statistics and profile, where they are wanted.
  // `noise`: of the pass, null where it draws none.
  void Watch(const Tensor& x, const Tensor& written, const hw::Writing& writing,
             const Conv2dSpec& conv, const hw::Programmed& cells,
             const hw::Ranges& ranges, const hw::PassNoise* noise);
  // How a mask's weights are written over the backbone's.
  hw::Writing WritingOver(const Tensor& backbone) const;
  hw::PassNoise NoiseOf(const Context& context) const;
  MaskPass PassOf(const Context& context) const;
  // Factors of converted sums, of mask and gains; undefined: 1.
  Var Gain(const Context& context) const;
  void FollowInput(float seen, const Context& context);
  void FollowAdc(const std::vector<float>& seen, const Context& context);

  std::string path_;
  hw::CrossbarSpec spec_;
  Tensor input_range_, adc_range_;
  Var learned_range_;       // instead of adc_range_, if it is learned
  bool all_zero_ = false;   // the learned ones are set, and 0: a dead layer
  bool untrained_ = false;  // the learned ones are what data have set
  std::unique_ptr<Mask> mask_;
  hw::ShiftFit injection_;
  Tensor column_gain_;
  hw::ShiftProfile* profile_ = nullptr;
  std::shared_ptr<const hw::LayerOnChip> profile_chip_;
  std::shared_ptr<const hw::Programmed> profile_cells_;
  hw::FrozenWires frozen_;  // of training
  int64_t steps_ = 0;       // of training, since SolveWiresAnew
  std::shared_ptr<const hw::LayerOnChip> chip_;
  struct {
    uint64_t weights = 0;  // a hash of them
    std::shared_ptr<const hw::Programmed> cells;
  } written_;
  int64_t pixels_ = 0;
  std::vector<hw::TileStatistics>* statistics_ = nullptr;
  std::shared_ptr<const hw::Programmed> counted_cells_;  // without shortcut
};

// Which leaves go onto crossbars, by dotted path.
using LeafPredicate =
    std::function<bool(const std::string& path, const WeightLayer& leaf)>;
bool EveryLeaf(const std::string& path, const WeightLayer& leaf);

// Gives every leaf of `model` that `predicate` accepts a crossbar of its own.
// Returns how many. Error where `spec` contradicts itself.
int MapToCrossbar(Module* model, const LeafPredicate& predicate,
                  const hw::CrossbarSpec& spec);

// Puts the leaves that are on crossbars onto one chip of such devices, each
// with draws of its own; it replaces an earlier chip.
void PutOnChip(Module* model, const hw::DeviceSpec& device);
// What PutOnChip gives the leaf at `path`.
std::shared_ptr<const hw::LayerOnChip> LayerChip(const hw::DeviceSpec& device,
                                                 const std::string& path);

// A leaf on a crossbar.
struct CrossbarLeaf {
  std::string path;
  WeightLayer* layer;
  CrossbarPolicy* policy;

  hw::TileMap Map() const;
  hw::MappingReport Report() const;
  MaskedLayer Masked() const;  // for making masks
};
std::vector<CrossbarLeaf> CrossbarLeaves(Module* model);

// Of all leaves on crossbars.
void SolveWiresAnew(Module* model);
void RangesAreTrained(Module* model);

bool OnCrossbar(Module* model);    // at least one leaf is
bool IsCalibrated(Module* model);  // all leaves on crossbars are
void ClearCalibration(Module* model);

}  // namespace ohm::nn
