#include "nn/masks/pe.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "hw/converters.h"
#include "hw/rewrite.h"
#include "nn/masks/entries.h"
#include "nn/masks/own_weights.h"

namespace ohm::nn {
namespace {

void AddTo(WeightProfile* profile, const Tensor& g) {
  if (!profile->sum.defined()) {
    for (Tensor* t : {&profile->sum, &profile->magnitude, &profile->square}) {
      *t = Tensor::Zeros(g.shape());
    }
  }
  for (int64_t i = 0; i < g.count(); ++i) {
    const float v = g.data()[i];
    profile->sum.data()[i] += v;
    profile->magnitude.data()[i] += std::fabs(v);
    profile->square.data()[i] += v * v;
  }
  ++profile->passes;
}

// The weights of a layer, some of them replaced; pieces come one after the
// other in `places` and in `own`.
struct Replacement {
  Tensor backbone, own;
  const std::vector<int64_t>* places;
  std::vector<int64_t> sizes;  // of the pieces
  Tensor gates;                // 0 or 1 per piece; undefined: all on
  float price;
  WeightProfile* profile;

  bool On(size_t piece) const {
    return !gates.defined() || gates.data()[piece] != 0;
  }

  // visit(piece, place in `own`, place in the layer) for each weight.
  template <typename V>
  void Visit(V&& visit) const {
    size_t at = 0;
    for (size_t piece = 0; piece < sizes.size(); ++piece) {
      for (int64_t i = 0; i < sizes[piece]; ++i, ++at) {
        visit(piece, at, (*places)[at]);
      }
    }
  }

  Tensor Value() const {
    Tensor w = backbone.Clone();
    Visit([&](size_t piece, size_t at, int64_t place) {
      if (On(piece)) w.data()[place] = own.data()[at];
    });
    return w;
  }

  Tensor OwnGradient(const Tensor& g) const {
    Tensor own_g = Tensor::Zeros(own.shape());
    Visit([&](size_t piece, size_t at, int64_t place) {
      if (On(piece)) own_g.data()[at] = g.data()[place];
    });
    return own_g;
  }

  Tensor GateGradient(const Tensor& g) const {
    std::vector<double> sums;
    for (const int64_t size : sizes) {
      sums.push_back(double(price) * double(size));
    }
    Visit([&](size_t piece, size_t at, int64_t place) {
      sums[piece] += double(g.data()[place]) *
                     (double(own.data()[at]) - double(backbone.data()[place]));
    });
    Tensor gate_g = Tensor::Empty(gates.shape());
    std::ranges::transform(sums, gate_g.data(),
                           [](double sum) { return float(sum); });
    return gate_g;
  }
};

// 1 where all PEs of a column are chosen, its factor elsewhere.
Var OnlyFrozen(const Var& gain, std::vector<uint8_t> frozen) {
  Tensor all = gain.value().Clone();
  for (size_t i = 0; i < frozen.size(); ++i) {
    if (frozen[i] == 0) all.data()[i] = 1.0F;
  }
  return Record("only frozen", std::move(all), {gain},
                [frozen = std::move(frozen)](const BackwardCall& call) {
                  Tensor g = call.grad_out.Clone();
                  for (size_t i = 0; i < frozen.size(); ++i) {
                    if (frozen[i] == 0) g.data()[i] = 0.0F;
                  }
                  return std::vector{g};
                });
}

}  // namespace

PeMask::PeMask(const MaskedLayer& layer, const MaskOptions& options)
    : layer_(layer),
      one_cell_(options.one_cell && layer.pairs),
      cut_(options.cut),
      init_(options.init),
      grid_(layer.map, options.pe_rows, options.pe_columns),
      chosen_(grid_.pes().size(), 0),
      probe_(Tensor::Zeros({1}), /*requires_grad=*/true) {
  OHM_CHECK(!options.one_cell || layer.largest != 0,
            "tasks.rewrite: expected \"pair\" with ideal weights "
            "(hw.weight_bits = 0)");
  if (options.factors != "none") {
    columns_ = MakeColumnMask(options.factors, layer, options);
  }
}

void PeMask::FindPlaces() {
  places_.clear();
  for (size_t i = 0; i < chosen_.size(); ++i) {
    if (chosen_[i] == 0) continue;
    grid_.VisitWeights(grid_.pes()[i],
                       [&](int64_t place) { places_.push_back(place); });
  }
}

void PeMask::FindBounds() {
  if (!one_cell_) return;
  const Shape own{int64_t(places_.size())};
  low_ = Tensor::Empty(own);
  high_ = Tensor::Empty(own);
  const float step = hw::StepFor(layer_.range, layer_.largest);
  for (size_t i = 0; i < places_.size(); ++i) {
    const int before = hw::QuantizeOne(layer_.weights.data()[places_[i]], step,
                                       layer_.largest);
    const auto reached = hw::ReachedByOneCell(before, layer_.largest);
    low_.data()[i] = float(reached.low) * step;
    high_.data()[i] = float(reached.high) * step;
  }
}

Var PeMask::Clipped() const {
  if (one_cell_) return ClipWeights(weights_, low_, high_);
  return ClipWeights(weights_, layer_.largest == 0 ? 0.0F : layer_.range);
}

Tensor PeMask::Replaced(const Var& own) const {
  Tensor all = layer_.weights.Clone();
  for (size_t i = 0; i < places_.size(); ++i) {
    all.data()[places_[i]] = own.value().data()[i];
  }
  return all;
}

Tensor PeMask::AllWeights() const { return Replaced(weights_); }

Tensor PeMask::GainOfPass() {
  const NoGrad quiet;
  const Var gain = Gain({});
  return gain.defined() ? gain.value() : Tensor();
}

// A factor of 0 leaves no trace of what stands before it. What takes one in is
// the weight as the cells held it, not what lies beyond their range.
void PeMask::TakeGain(const Tensor& held, const Tensor& before,
                      const Tensor& after, Tensor* own) {
  const int64_t outputs = layer_.map.outputs();
  size_t next = 0;
  for (size_t i = 0; i < chosen_.size(); ++i) {
    if (chosen_[i] == 0) continue;
    const Pe& pe = grid_.pes()[i];
    const int64_t fan_in = layer_.map.matrix().fan_in;
    grid_.VisitWeights(pe, [&](int64_t place) {
      const int64_t entry = pe.row_tile * outputs + place / fan_in;
      const float now = after.data()[entry], then = before.data()[entry];
      if (now != 0.0F && now != then) {
        own->data()[next] = held.data()[place] * (then / now);
      }
      ++next;
    });
  }
}

void PeMask::Choose(std::vector<uint8_t> chosen) {
  OHM_CHECK(chosen.size() == chosen_.size(),
            "[mask] expected a choice among " + std::to_string(chosen_.size()) +
                " PEs, got " + std::to_string(chosen.size()));
  const Tensor all = AllWeights(), before = GainOfPass();
  const Tensor held = weights_.defined() ? Replaced(Clipped()) : all;
  gates_ = Var();
  chosen_ = std::move(chosen);
  FindPlaces();
  FindBounds();
  weights_ = Var();
  if (places_.empty()) return;
  Tensor own = Tensor::Empty({int64_t(places_.size())});
  for (size_t i = 0; i < places_.size(); ++i) {
    own.data()[i] = all.data()[places_[i]];
  }
  weights_ = Var(own, /*requires_grad=*/true);
  if (before.defined()) TakeGain(held, before, GainOfPass(), &own);
}

void PeMask::AddGates() {
  const auto count = std::ranges::count(chosen_, 1);
  OHM_CHECK(count > 0, "[mask] expected chosen PEs to put gates on, got none");
  gates_ = Var(Tensor::Full({int64_t(count)}, init_), /*requires_grad=*/true);
}

std::vector<uint8_t> PeMask::PesOn() const {
  if (!gates_.defined()) return chosen_;
  const NoGrad quiet;
  const Tensor open = Binarize(gates_, cut_).value();
  std::vector<uint8_t> on = chosen_;
  size_t next = 0;
  for (uint8_t& flag : on) {
    if (flag != 0) flag = open.data()[next++] != 0 ? 1 : 0;
  }
  return on;
}

// Draws of their own, for column factors may draw, too.
Var PeMask::Gates(const MaskPass& pass) const {
  MaskPass own = pass;
  own.noise = pass.noise.Child("gates");
  return Binarize(gates_, cut_, own);
}

Var PeMask::Weights(const Var& backbone, const MaskPass& pass) {
  if (!weights_.defined() && profile_ == nullptr) return backbone;
  const Var none{Tensor::Zeros({0})};
  const Var own = weights_.defined() ? Clipped() : none;
  const Var gates = gates_.defined() ? Gates(pass) : none;
  Replacement r{backbone.value(),
                own.value(),
                &places_,
                {},
                gates_.defined() ? gates.value() : Tensor(),
                price_,
                profile_};
  for (size_t i = 0; i < chosen_.size(); ++i) {
    if (chosen_[i] != 0) r.sizes.push_back(grid_.pes()[i].weights);
  }
  Tensor value = r.Value();
  std::vector<Var> inputs{own, gates};
  if (profile_ != nullptr) inputs.push_back(probe_);
  return Record("replace weights", std::move(value), std::move(inputs),
                [r = std::move(r)](const BackwardCall& call) {
                  const Tensor& g = call.grad_out;
                  std::vector<Tensor> gradients(call.needs.size());
                  if (call.Needs(0)) gradients[0] = r.OwnGradient(g);
                  if (call.Needs(1)) gradients[1] = r.GateGradient(g);
                  if (r.profile != nullptr) {
                    AddTo(r.profile, g);
                    gradients[2] = Tensor::Zeros({1});
                  }
                  return gradients;
                });
}

std::vector<uint8_t> PeMask::FrozenColumns() const {
  const int64_t outputs = layer_.map.outputs();
  std::vector<uint8_t> frozen(size_t(layer_.entries().count()), 0);
  for (size_t i = 0; i < chosen_.size(); ++i) {
    if (chosen_[i] != 0) continue;
    const Pe& pe = grid_.pes()[i];
    const int64_t first = pe.row_tile * outputs + pe.first_output;
    std::fill_n(frozen.begin() + first, pe.outputs, uint8_t(1));
  }
  return frozen;
}

std::vector<uint8_t> PeMask::ColumnEntries() const {
  return columns_ == nullptr ? std::vector<uint8_t>() : FrozenColumns();
}

std::vector<uint8_t> PeMask::WeightEntries() const {
  std::vector<uint8_t> flags(size_t(layer_.weights.count()), 0);
  for (const int64_t place : places_) flags[size_t(place)] = 1;
  return flags;
}

Var PeMask::Gain(const MaskPass& pass) {
  if (columns_ == nullptr) return {};
  const Var gain = columns_->Gain(pass);
  // While gates are learned all PEs are chosen, and may still be given up.
  if (!weights_.defined() || gates_.defined()) return gain;
  return OnlyFrozen(gain, FrozenColumns());
}

std::vector<NamedParameter> PeMask::Parameters() const {
  std::vector<NamedParameter> all;
  if (weights_.defined()) {
    all.push_back({"weights", Role::kMaskWeight, weights_});
  }
  if (gates_.defined()) all.push_back({"gates", Role::kMaskScore, gates_});
  if (columns_ != nullptr) {
    for (const auto& p : columns_->Parameters()) all.push_back(p);
  }
  return all;
}

PackedMask PeMask::Pack() const {
  PackedMask packed;
  packed["pes"] =
      PackEntries(std::vector<uint32_t>(chosen_.begin(), chosen_.end()), 1);
  if (weights_.defined()) {
    std::vector<uint32_t> codes;
    const NoGrad quiet;
    const Var held = Clipped();
    for (const float w : held.value().span()) {
      codes.push_back(WeightCode(w, layer_.range, layer_.largest));
    }
    packed["weights"] = PackEntries(codes, BitsPerWeight(layer_.largest));
  }
  if (columns_ == nullptr) return packed;
  const std::vector<uint8_t> frozen = FrozenColumns();
  const std::vector<uint32_t> all = columns_->Codes();
  std::vector<uint32_t> codes;
  for (size_t i = 0; i < all.size(); ++i) {
    if (frozen[i] != 0) codes.push_back(all[i]);
  }
  if (!codes.empty()) {
    packed["columns"] = PackEntries(codes, columns_->bits_per_entry());
  }
  return packed;
}

void PeMask::Unpack(const PackedMask& packed) {
  const auto flags =
      UnpackEntries(Packed(packed, "pes"), int64_t(chosen_.size()), 1);
  Choose({flags.begin(), flags.end()});
  if (weights_.defined()) {
    Tensor& own = weights_.mutable_value();
    const auto codes = UnpackEntries(Packed(packed, "weights"), own.count(),
                                     BitsPerWeight(layer_.largest));
    for (size_t i = 0; i < codes.size(); ++i) {
      own.data()[i] = CodedWeight(codes[i], layer_.range, layer_.largest);
    }
  }
  const std::vector<uint8_t> frozen = FrozenColumns();
  const int64_t count = std::ranges::count(frozen, 1);
  if (columns_ == nullptr || count == 0) return;
  const auto codes = UnpackEntries(Packed(packed, "columns"), count,
                                   columns_->bits_per_entry());
  std::vector<uint32_t> all = columns_->Codes();
  size_t next = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (frozen[i] != 0) all[i] = codes[next++];
  }
  columns_->SetCodes(all);
}

std::map<std::string, Mask::Count> PeMask::Counts() const {
  std::map<std::string, Count> counts{{"pes", {int64_t(chosen_.size()), 1}}};
  if (weights_.defined()) {
    counts["weights"] = {weights_.value().count(),
                         BitsPerWeight(layer_.largest)};
  }
  if (columns_ != nullptr) {
    counts["columns"] = {std::ranges::count(FrozenColumns(), 1),
                         columns_->bits_per_entry()};
  }
  return counts;
}

std::unique_ptr<Mask> MakePe(const MaskedLayer& layer,
                             const MaskOptions& options) {
  return std::make_unique<PeMask>(layer, options);
}

std::unique_ptr<Mask> MakeSparseColumns(const MaskedLayer& layer,
                                        const MaskOptions& options) {
  MaskOptions sparse = options;
  sparse.pe_rows = 0;
  sparse.pe_columns = 1;
  sparse.factors = "xbm";
  return std::make_unique<PeMask>(layer, sparse);
}

}  // namespace ohm::nn
