#include "train/tasks/pe_chooser.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "nn/crossbar_policy.h"

namespace ohm::train {
namespace {

// Weights in the cells of PEs that are on (gated) or chosen.
int64_t WeightsOn(const nn::PeMask& mask) {
  const std::vector<uint8_t> on = mask.PesOn();
  int64_t sum = 0;
  for (size_t p = 0; p < on.size(); ++p) {
    if (on[p] != 0) sum += mask.grid().pes()[p].weights;
  }
  return sum;
}

}  // namespace

PeChooser::PeChooser(nn::Model* model, const PeOptions& options, int64_t until,
                     Key key)
    : options_(options),
      selector_(FindSelector(options.select)),
      until_(until),
      rounds_(selector_.gated ? 2 : options.select_rounds) {
  for (const auto& leaf : nn::CrossbarLeaves(model)) {
    auto* mask = dynamic_cast<nn::PeMask*>(leaf.policy->mask());
    if (mask == nullptr) continue;
    layers_.push_back(
        {mask, leaf.layer->weight().value(), {}, key.Child(leaf.path)});
  }
  OHM_CHECK(!layers_.empty(), "internal: expected PE masks to choose among");
  // The same cells pay for twice as many weights that take one cell of a pair.
  cells_per_write_ = layers_.front().mask->one_cell() ? 2.0 : 1.0;
  // Never more than the share, but for its rounding as a double.
  const double share = std::min(1.0, options.budget * cells_per_write_);
  budget_ = int64_t(std::floor(share * double(Weights(false)) * (1 + 1e-12)));
}

int64_t PeChooser::Weights(bool chosen_only) const {
  int64_t sum = 0;
  for (const RankedLayer& layer : layers_) {
    sum += chosen_only ? WeightsOn(*layer.mask) : layer.mask->grid().weights();
  }
  return sum;
}

void PeChooser::Start() {
  const bool all = budget_ == Weights(false);
  if (budget_ == 0 || all) round_ = rounds_ + 1;  // nothing to choose
  if (budget_ == 0) return;
  for (RankedLayer& layer : layers_) {
    if (all || selector_.trains_all) {
      layer.mask->Choose(std::vector<uint8_t>(layer.mask->chosen().size(), 1));
    } else {
      layer.mask->set_profile(&layer.profile);
    }
  }
}

bool PeChooser::At(int64_t steps) {
  if (steps == 0) {
    Start();
    return true;
  }
  if (done()) return false;
  SetPrices();
  if (steps < until_ * round_ / rounds_) return false;
  const bool first_gates = selector_.gated && round_ == 1;
  if (first_gates) {
    for (RankedLayer& layer : layers_) layer.mask->AddGates();
  } else {
    ChooseRound();
  }
  ++round_;
  SetPrices();  // gates pay from their first step on
  return true;
}

void PeChooser::ChooseRound() {
  const double part = double(round_) / double(rounds_);
  const double all = double(Weights(false));
  const double share = selector_.trains_all && !selector_.gated
                           ? std::pow(double(budget_) / all, part)
                           : part * double(budget_) / all;
  const bool last = round_ == rounds_;
  const auto flags =
      ChooseWithin(layers_, selector_, last ? budget_ : int64_t(share * all),
                   /*keep=*/!selector_.trains_all);
  for (size_t l = 0; l < layers_.size(); ++l) {
    layers_[l].mask->Choose(flags[l]);
    layers_[l].profile = {};
    if (last) layers_[l].mask->set_profile(nullptr);
  }
}

// d (price max(0, share of cells - budget)) / d gate, per weight of the PE,
// which takes all of its cells or one of two.
void PeChooser::SetPrices() {
  if (!selector_.gated || round_ == 1) return;
  const int64_t all = Weights(false);
  const bool over = Weights(true) > budget_;
  const double whole = cells_per_write_ * double(all);
  const auto price = float(over ? options_.gate_price / whole : 0.0);
  for (RankedLayer& layer : layers_) layer.mask->set_gate_price(price);
}

}  // namespace ohm::train
