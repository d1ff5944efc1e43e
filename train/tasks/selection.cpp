#include "train/tasks/selection.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "core/base/table.h"

namespace ohm::train {
namespace {

// Of each PE the sum of term(weight's place) over its weights.
template <typename F>
std::vector<double> SumsOver(const RankedLayer& layer, F&& term) {
  const nn::PeGrid& grid = layer.mask->grid();
  std::vector<double> sums;
  for (const nn::Pe& pe : grid.pes()) {
    double sum = 0;
    grid.VisitWeights(pe, [&](int64_t i) { sum += term(size_t(i)); });
    sums.push_back(sum);
  }
  return sums;
}

double Square(double v) { return v * v; }

// Of each PE the value times its weights.
std::vector<double> TimesWeights(const RankedLayer& layer,
                                 std::vector<double> values) {
  const auto& pes = layer.mask->grid().pes();
  for (size_t p = 0; p < pes.size(); ++p) values[p] *= double(pes[p].weights);
  return values;
}

std::vector<double> Random(const RankedLayer& layer) {
  std::vector<double> lots;
  for (size_t p = 0; p < layer.mask->grid().pes().size(); ++p) {
    lots.push_back(layer.key.Uniform(p));
  }
  return TimesWeights(layer, std::move(lots));
}

std::vector<double> Energy(const RankedLayer& layer) {
  const float* square = layer.profile.square.data();
  return SumsOver(layer, [&](size_t i) { return double(square[i]); });
}

// Between ranking weights of all layers alike, which favours small layers with
// large gradients, and giving each layer its share.
std::vector<double> Balanced(const RankedLayer& layer) {
  double sum = 0;
  for (const float v : layer.profile.square.span()) sum += double(v);
  const double mean = sum / double(layer.mask->grid().weights());
  std::vector<double> scores = Energy(layer);
  for (double& score : scores) score = mean > 0 ? score / std::sqrt(mean) : 0.0;
  return scores;
}

std::vector<double> MeanGradient(const RankedLayer& layer) {
  const float* sum = layer.profile.sum.data();
  return SumsOver(layer, [&](size_t i) { return Square(sum[i]); });
}

std::vector<double> Saliency(const RankedLayer& layer) {
  const float* magnitude = layer.profile.magnitude.data();
  const float* w = layer.backbone.data();
  return SumsOver(layer, [&](size_t i) {
    return double(magnitude[i]) * std::fabs(double(w[i]));
  });
}

std::vector<double> Movement(const RankedLayer& layer) {
  const Tensor all = layer.mask->AllWeights();
  const float* now = all.data();
  const float* before = layer.backbone.data();
  return SumsOver(layer, [&](size_t i) {
    return Square(double(now[i]) - double(before[i]));
  });
}

// Gates are of chosen PEs, in their order.
std::vector<double> Gate(const RankedLayer& layer) {
  const auto& chosen = layer.mask->chosen();
  OHM_CHECK(layer.mask->gates().defined() && std::ranges::count(chosen, 0) == 0,
            "internal: expected a gate on every PE that is ranked");
  const auto gates = layer.mask->gates().value().span();
  return TimesWeights(layer, {gates.begin(), gates.end()});
}

struct Candidate {
  size_t layer, pe;
  double score;  // per weight
  bool kept;
};

}  // namespace

const std::vector<SelectorRow>& SelectorTable() {
  static const std::vector<SelectorRow> table = {
      {"random", "by lot: what every other rule must beat", false, false,
       Random},
      {"gradient", "greatest energy of the weights' gradients", false, false,
       Energy},
      {"balanced", "the same, against the root of the layer's mean energy",
       false, false, Balanced},
      {"mean_gradient", "greatest energy of the gradients' mean", false, false,
       MeanGradient},
      {"saliency", "greatest sum of |gradient x weight|", false, false,
       Saliency},
      {"movement", "all PEs are trained first, those that moved most are kept",
       true, false, Movement},
      {"gates", "all PEs are trained first, then learned gates on them decide",
       true, true, Gate},
  };
  return table;
}

const SelectorRow& FindSelector(const std::string& name) {
  return FindRow(SelectorTable(), name, "[tasks] select:");
}

std::vector<std::vector<uint8_t>> ChooseWithin(
    const std::vector<RankedLayer>& layers, const SelectorRow& selector,
    int64_t budget, bool keep) {
  std::vector<Candidate> candidates;
  std::vector<std::vector<uint8_t>> flags;
  for (size_t l = 0; l < layers.size(); ++l) {
    const nn::PeMask& mask = *layers[l].mask;
    const auto& pes = mask.grid().pes();
    flags.emplace_back(pes.size(), 0);
    const std::vector<double> scores = selector.scores(layers[l]);
    for (size_t p = 0; p < pes.size(); ++p) {
      const bool kept = keep && mask.chosen()[p] != 0;
      candidates.push_back({l, p, scores[p] / double(pes[p].weights), kept});
    }
  }
  std::ranges::stable_sort(candidates, [](const auto& a, const auto& b) {
    if (a.kept != b.kept) return a.kept;
    return a.score > b.score;
  });
  int64_t left = budget;
  for (const Candidate& c : candidates) {
    const int64_t weights = layers[c.layer].mask->grid().pes()[c.pe].weights;
    if (weights > left) continue;
    left -= weights;
    flags[c.layer][c.pe] = 1;
  }
  return flags;
}

}  // namespace ohm::train
