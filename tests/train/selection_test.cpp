// Which PEs are chosen: by merit, within an exact budget.
#include "train/tasks/selection.h"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>

#include "core/base/check.h"
#include "hw/converters.h"
#include "hw/spec.h"
#include "nn/crossbar_policy.h"
#include "tests/support/gradient_check.h"
#include "tests/support/near.h"
#include "train/experiment.h"
#include "train/tasks/method.h"
#include "train/tasks/pe_chooser.h"
#include "train/tasks/task_state.h"

namespace ohm::test {
namespace {

// Two layers of PEs of one column; the second layer's row tiles are smaller.
class Layers {
 public:
  Layers() {
    Add({8, 1, 1, 16});
    Add({6, 1, 1, 20});
  }

  std::vector<train::RankedLayer> ranked;
  int64_t Weights(const std::vector<std::vector<uint8_t>>& flags) const {
    int64_t sum = 0;
    for (size_t l = 0; l < flags.size(); ++l) {
      for (size_t p = 0; p < flags[l].size(); ++p) {
        if (flags[l][p] != 0) sum += masks_[l]->grid().pes()[p].weights;
      }
    }
    return sum;
  }

 private:
  void Add(const Shape& shape) {
    nn::MaskedLayer layer;
    layer.weights = RandomTensor(shape, Key(uint64_t(ranked.size())));
    hw::CrossbarSpec spec;
    spec.rows = 16;
    layer.map = hw::TileMap(hw::MatrixOf(shape, 1), spec);
    layer.largest = hw::LargestWeight(spec);
    layer.range = hw::MaxAbs(layer.weights);
    masks_.push_back(
        std::make_unique<nn::PeMask>(layer, nn::MaskOptions{.pe_columns = 1}));
    train::RankedLayer one{
        masks_.back().get(), layer.weights, {}, Key(7).Child(ranked.size())};
    for (Tensor* t :
         {&one.profile.sum, &one.profile.magnitude, &one.profile.square}) {
      *t = Tensor::Zeros(shape);
    }
    ranked.push_back(one);
  }

  std::vector<std::unique_ptr<nn::PeMask>> masks_;
};

TEST_CASE("PEs with the largest importance per cell are chosen") {
  Layers layers;
  // Output 3 of the first layer, and the small last row tile (4 weights) of
  // output 5 of the second, whose sum is less but not per weight.
  for (int64_t k = 0; k < 16; ++k) {
    layers.ranked[0].profile.square.data()[3 * 16 + k] = 1.0F;
  }
  for (int64_t k = 16; k < 20; ++k) {
    layers.ranked[1].profile.square.data()[5 * 20 + k] = 2.0F;
  }
  const auto flags = train::ChooseWithin(
      layers.ranked, train::FindSelector("gradient"), 20, false);
  CHECK(layers.Weights(flags) == 20);
  CHECK(flags[0][3] == 1);
  size_t found = 0;
  const auto& pes = layers.ranked[1].mask->grid().pes();
  for (size_t p = 0; p < pes.size(); ++p) {
    if (flags[1][p] == 0) continue;
    CHECK(pes[p].first_output == 5);
    CHECK(pes[p].weights == 4);
    ++found;
  }
  CHECK(found == 1);
}

// Each rule has a PE of its own that it prefers to all others, among them those
// that the other rules prefer.
TEST_CASE("every rule by gradient ranks by its own measure") {
  Layers layers;
  const auto fill = [&](size_t layer, int64_t output, const Tensor& of,
                        float value) {
    const int64_t fan_in = layers.ranked[layer].backbone.size(3);
    Tensor to = of;
    for (int64_t k = 0; k < 16; ++k) to.data()[output * fan_in + k] = value;
  };
  auto& large = layers.ranked[0];
  auto& small = layers.ranked[1];
  // Energy alone; against its layer's it is the other layer's only column.
  for (int64_t o = 0; o < 8; ++o) fill(0, o, large.profile.square, 4.0F);
  fill(0, 2, large.profile.square, 5.0F);
  fill(1, 1, small.profile.square, 3.0F);
  fill(0, 4, large.profile.sum, -2.0F);
  fill(1, 3, small.profile.sum, 1.0F);
  // Large gradients on nearly no weight count less.
  fill(0, 6, large.profile.magnitude, 9.0F);
  fill(0, 6, large.backbone, 1e-3F);
  fill(1, 5, small.profile.magnitude, 1.0F);
  fill(1, 5, small.backbone, -0.5F);
  struct Wanted {
    const char* rule;
    size_t layer;
    int64_t output;
  };
  for (const Wanted& wanted :
       {Wanted{"gradient", 0, 2}, Wanted{"balanced", 1, 1},
        Wanted{"mean_gradient", 0, 4}, Wanted{"saliency", 1, 5}}) {
    CAPTURE(wanted.rule);
    const auto flags = train::ChooseWithin(
        layers.ranked, train::FindSelector(wanted.rule), 16, false);
    REQUIRE(layers.Weights(flags) == 16);
    for (size_t layer = 0; layer < 2; ++layer) {
      const auto& pes = layers.ranked[layer].mask->grid().pes();
      for (size_t p = 0; p < pes.size(); ++p) {
        if (flags[layer][p] == 0) continue;
        CHECK(layer == wanted.layer);
        CHECK(pes[p].first_output == wanted.output);
      }
    }
  }
}

TEST_CASE("a choice never exceeds its budget, and keeps what it has") {
  Layers layers;
  for (auto& layer : layers.ranked) {
    const Tensor noise = RandomTensor(layer.backbone.shape(), Key(3));
    for (int64_t i = 0; i < noise.count(); ++i) {
      const float g = noise.data()[i];
      layer.profile.sum.data()[i] = g;
      layer.profile.magnitude.data()[i] = std::fabs(g);
      layer.profile.square.data()[i] = g * g;
    }
  }
  for (const char* name :
       {"random", "gradient", "mean_gradient", "saliency", "movement"}) {
    CAPTURE(name);
    const auto& rule = train::FindSelector(name);
    for (const int64_t budget : {0, 3, 4, 50, 248}) {
      const auto flags =
          train::ChooseWithin(layers.ranked, rule, budget, false);
      const int64_t got = layers.Weights(flags);
      CHECK(got <= budget);
      CHECK(budget - got < 16);  // nothing more would have fitted
      CHECK(flags == train::ChooseWithin(layers.ranked, rule, budget, false));
    }
  }
  const auto& rule = train::FindSelector("random");
  const auto few = train::ChooseWithin(layers.ranked, rule, 40, false);
  for (size_t l = 0; l < few.size(); ++l) {
    layers.ranked[l].mask->Choose(few[l]);
    layers.ranked[l].key = Key(99);  // another order
  }
  const auto more = train::ChooseWithin(layers.ranked, rule, 120, true);
  for (size_t l = 0; l < few.size(); ++l) {
    for (size_t p = 0; p < few[l].size(); ++p) CHECK(more[l][p] >= few[l][p]);
  }
  CHECK_THROWS_AS(train::FindSelector("luck"), Error);
}

// The price is of a share of the cells, from the moment on that gates open. A
// weight takes all of its cells, or one of two.
TEST_CASE("gates pay for the cells that they would write") {
  const train::Config config =
      train::LoadConfig(OHM_SOURCE_DIR "/configs/demo.toml", {"model.width=4"});
  for (const bool one_cell : {false, true}) {
    const auto model = train::BuildModel(config, 10);
    train::SetMasks(model.get(), train::FindMethod("xma2").mask,
                    {.pe_columns = 1, .one_cell = one_cell});
    train::PeOptions options;
    options.select = "gates";
    options.gate_price = 3;
    train::PeChooser chooser(model.get(), options, 4, Key());
    for (const int64_t step : {0, 1, 2}) chooser.At(step);
    double price = 0;
    for (const auto& leaf : nn::CrossbarLeaves(model.get())) {
      auto* mask = dynamic_cast<nn::PeMask*>(leaf.policy->mask());
      if (mask == nullptr) continue;
      // While new weights are the backbone's there is nothing but the price.
      const Var w = mask->Weights(leaf.layer->weight(), {});
      Backward(w, Tensor::Zeros(w.shape()));
      REQUIRE(mask->gates().defined());
      for (const float g : mask->gates().grad().span()) price += double(g);
    }
    CHECK(price == Near(one_cell ? 1.5 : 3.0));
  }
}

TEST_CASE("what moved most, and the highest gates, are kept") {
  Layers layers;
  for (auto& layer : layers.ranked) {
    layer.mask->Choose(std::vector<uint8_t>(layer.mask->chosen().size(), 1));
  }
  Var own = layers.ranked[1].mask->Parameters()[0].var;
  own.mutable_value().data()[0] += 0.5F;  // of the first PE, of 16 weights
  const auto moved = train::ChooseWithin(
      layers.ranked, train::FindSelector("movement"), 16, false);
  CHECK(moved[1][0] == 1);
  CHECK(layers.Weights(moved) == 16);

  for (auto& layer : layers.ranked) layer.mask->AddGates();
  Var gates = layers.ranked[0].mask->gates();
  gates.mutable_value().data()[6] = 1.0F;
  const auto gated = train::ChooseWithin(
      layers.ranked, train::FindSelector("gates"), 16, false);
  CHECK(gated[0][6] == 1);
  CHECK(layers.Weights(gated) == 16);
}

}  // namespace
}  // namespace ohm::test
