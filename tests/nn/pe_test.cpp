// PE masks (XMA2): which weights they replace, one cell or two, gates, factors.
#include "nn/masks/pe.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/base/check.h"
#include "hw/rewrite.h"
#include "nn/masks/column_shift.h"
#include "nn/masks/own_weights.h"
#include "tests/nn/masked_layer.h"
#include "tests/support/near.h"

namespace ohm::test {
namespace {

TEST_CASE("masks: PEs cut arrays and leave padding out") {
  const nn::MaskedLayer layer = Layer();  // 36 rows, 7 outputs
  const nn::PeGrid arrays(layer.map, 0, 0);
  CHECK(arrays.pes().size() == size_t(layer.map.tiles()));
  CHECK(arrays.weights() == layer.weights.count());
  for (const int64_t rows : {0, 1, 5}) {
    const nn::PeGrid fine(layer.map, rows, 3);
    CHECK(fine.weights() == layer.weights.count());
    std::vector<int> seen(size_t(layer.weights.count()), 0);
    for (const nn::Pe& pe : fine.pes()) {
      CHECK(pe.outputs <= 3);
      CHECK((rows == 0 || pe.rows <= rows));
      int64_t weights = 0;
      fine.VisitWeights(pe, [&](int64_t i) {
        ++seen[size_t(i)];
        ++weights;
      });
      CHECK(weights == pe.weights);
    }
    for (const int times : seen) CHECK(times == 1);
  }
}

TEST_CASE("masks: XMA2 with no PE is XMA, with all of them fine-tuning") {
  const nn::MaskedLayer layer = Layer();
  const auto none = nn::MakePe(layer, {}), xma = nn::MakeColumnShift(layer, {});
  Disturb(none.get(), 3);
  Disturb(xma.get(), 3);
  CHECK_FALSE(none->rewrites());
  CHECK(BitEqual(none->Gain({}).value(), xma->Gain({}).value()));
  CHECK(BitEqual(none->Pack().at("columns"), xma->Pack().at("columns")));

  nn::PeMask all(layer, {});
  all.Choose(std::vector<uint8_t>(all.chosen().size(), 1));
  const auto full = nn::MakeOwnWeights(layer, {});
  CHECK(all.Counts().at("columns").entries == 0);
  for (const float gain : all.Gain({}).value().span()) CHECK(gain == 1.0F);
  const Tensor u = RandomTensor(layer.weights.shape(), Key(5));
  Backward(all.Weights(Var(layer.weights), {}), u.Clone());
  Backward(full->Weights(Var(layer.weights), {}), u.Clone());
  Var own = all.Parameters()[0].var, whole = full->Parameters()[0].var;
  CHECK(own.grad().count() == whole.grad().count());
  // The same step of the same gradient gives the same weights, and what is
  // beyond the largest code stays at it.
  for (Var* v : {&own, &whole}) {
    for (int64_t i = 0; i < v->value().count(); ++i) {
      v->mutable_value().data()[i] -= v->grad().data()[i];
    }
  }
  const Tensor a = all.Weights(Var(layer.weights), {}).value(),
               b = full->Weights(Var(layer.weights), {}).value();
  CHECK(BitEqual(a, b));
  CHECK(hw::MaxAbs(a) == layer.range);
}

TEST_CASE("masks: chosen PEs stay where one cell of each pair reaches") {
  nn::MaskedLayer layer = Layer();
  layer.pairs = true;
  const nn::MaskOptions options{.one_cell = true};
  nn::PeMask mask(layer, options);
  CHECK(mask.one_cell());
  mask.Choose(std::vector<uint8_t>(mask.chosen().size(), 1));
  Var own = mask.Parameters()[0].var;
  for (int64_t i = 0; i < own.value().count(); ++i) {  // to the other end
    own.mutable_value().data()[i] = i % 2 == 0 ? -9.0F : 9.0F;
  }
  const Tensor before =
      hw::QuantizeWeights(layer.weights, layer.largest, layer.range).codes;
  const auto clipped = [&](int64_t i, float code) {
    const auto reached =
        hw::ReachedByOneCell(int(before.data()[i]), layer.largest);
    return code == float(reached.low) || code == float(reached.high);
  };
  const Tensor codes = CodesOf(&mask, layer);
  for (int64_t i = 0; i < codes.count(); ++i) {
    CHECK(clipped(i, codes.data()[i]));
  }
  nn::PeMask again(layer, options);
  again.Unpack(mask.Pack());
  CHECK(BitEqual(CodesOf(&again, layer), codes));
  // Out there a gradient that leads further out is none.
  const Tensor u = Tensor::Full(layer.weights.shape(), 1.0F);
  Backward(mask.Weights(Var(layer.weights), {}), u.Clone());
  for (int64_t i = 0; i < own.grad().count(); ++i) {
    CHECK(own.grad().data()[i] == (i % 2 == 0 ? 0.0F : 1.0F));
  }
  // Cells of an offset encoding are alone; ideal weights have no end.
  layer.pairs = false;
  CHECK_FALSE(nn::PeMask(layer, options).one_cell());
  layer.largest = 0;
  CHECK_THROWS_WITH_AS(nn::PeMask(layer, options),
                       doctest::Contains("tasks.rewrite"), Error);
}

// W' = W0 + B (W1 - W0), so dL/dB = <dL/dW', W1 - W0> and dL/dW1 = B dL/dW'.
TEST_CASE(
    "masks: a gate has no gradient while its weights are the backbone's") {
  const nn::MaskedLayer layer = Layer();
  nn::PeMask mask(layer, {.pe_columns = 2});
  mask.Choose(std::vector<uint8_t>(mask.chosen().size(), 1));
  mask.AddGates();
  const Tensor u = RandomTensor(layer.weights.shape(), Key(5));
  Var gates = mask.gates();
  Backward(mask.Weights(Var(layer.weights), {}), u.Clone());
  for (const float g : gates.grad().span()) CHECK(g == 0.0F);

  Var own = mask.Parameters()[0].var;
  for (float& w : own.mutable_value().span()) w *= 0.9F;
  gates.ClearGrad();
  own.ClearGrad();
  mask.set_gate_price(0.01F);
  gates.mutable_value().data()[1] = -1.0F;  // off
  const Tensor now = mask.Weights(Var(layer.weights), {}).value();
  Backward(mask.Weights(Var(layer.weights), {}), u.Clone());
  size_t at = 0;
  for (size_t p = 0; p < mask.grid().pes().size(); ++p) {
    double expected = 0.01 * double(mask.grid().pes()[p].weights);
    mask.grid().VisitWeights(mask.grid().pes()[p], [&](int64_t i) {
      const double w0 = double(layer.weights.data()[i]);
      expected += double(u.data()[i]) * (0.9F * w0 - w0);
      CHECK(own.grad().data()[at] == (p == 1 ? 0.0F : u.data()[i]));
      if (p == 1) CHECK(now.data()[i] == layer.weights.data()[i]);
      ++at;
    });
    CHECK(double(gates.grad().data()[p]) == Near(expected, 1e-4));
  }
}

TEST_CASE("masks: gates are cut as other masks are") {
  const nn::MaskedLayer layer = Layer();
  const Tensor u = RandomTensor(layer.weights.shape(), Key(5));
  const auto gradient = [&](nn::Estimator estimator) {
    nn::PeMask mask(layer, {.cut = {.threshold = 0.1F, .estimator = estimator},
                            .init = 0.3F,
                            .pe_columns = 2});
    mask.Choose(std::vector<uint8_t>(mask.chosen().size(), 1));
    mask.AddGates();
    Var gates = mask.gates();
    CHECK(gates.value().data()[0] == 0.3F);
    gates.mutable_value().data()[1] = 0.05F;  // below the threshold
    for (size_t p = 0; p < mask.PesOn().size(); ++p) {
      CHECK(mask.PesOn()[p] == (p == 1 ? 0 : 1));
    }
    for (float& w : Var(mask.Parameters()[0].var).mutable_value().span()) {
      w *= 0.9F;
    }
    Backward(mask.Weights(Var(layer.weights), {}), u.Clone());
    return gates.grad().Clone();
  };
  const Tensor identity = gradient(nn::Estimator::kIdentity);
  const Tensor sigmoid = gradient(nn::Estimator::kSigmoid);
  for (int64_t p = 0; p < identity.count(); ++p) {
    const double s = 1 / (1 + std::exp(-12 * (p == 1 ? -0.05 : 0.2)));
    CHECK(double(sigmoid.data()[p]) ==
          Near(12 * s * (1 - s) * double(identity.data()[p]), 1e-4));
  }
}

// The weights that the pass computes with, factors included.
Tensor Effective(nn::PeMask* mask, const nn::MaskedLayer& layer) {
  Tensor w = mask->Weights(Var(layer.weights), {}).value().Clone();
  const Var gain = mask->Gain({});
  const int64_t outputs = layer.map.outputs();
  for (const nn::Pe& pe : mask->grid().pes()) {
    mask->grid().VisitWeights(pe, [&](int64_t i) {
      w.data()[i] *=
          gain.value()
              .data()[pe.row_tile * outputs + i / layer.map.matrix().fan_in];
    });
  }
  return w;
}

// Factors learned so far go into the weights of a column that is chosen,
// whether they stood before the backbone's weights or, with gates, before its
// own; before a column that is chosen in part they stay.
TEST_CASE("masks: choosing a PE changes nothing that the pass computes") {
  for (const int rows : {0, 4}) {
    CAPTURE(rows);
    nn::MaskedLayer layer = Layer();
    layer.range *= 16;  // so that nothing is clipped
    nn::PeMask mask(layer,
                    {.pe_rows = rows, .pe_columns = 1, .factors = "scale"});
    Disturb(&mask, 3);
    Tensor before = Effective(&mask, layer);
    CHECK_FALSE(BitEqual(before, layer.weights));
    std::vector<uint8_t> some(mask.chosen().size());
    for (size_t i = 0; i < some.size(); ++i) some[i] = i % 3 == 0 ? 1 : 0;
    mask.Choose(some);
    CHECK(BitEqual(Effective(&mask, layer), before));
    CHECK(mask.Parameters()[0].name == "weights");

    mask.Choose(std::vector<uint8_t>(some.size(), 1));
    CHECK(BitEqual(Effective(&mask, layer), before));
    CHECK(mask.Counts().at("columns").entries == 0);
    mask.AddGates();
    Disturb(&mask, 5);
    for (float& gate : Var(mask.gates()).mutable_value().span()) gate = 1;
    before = Effective(&mask, layer);
    mask.Choose(mask.chosen());
    CHECK_FALSE(mask.gates().defined());
    CHECK(BitEqual(Effective(&mask, layer), before));
  }
}

// A factor goes into a weight as the cells held it: what lies beyond their
// range never acted.
TEST_CASE("masks: a column that becomes whole takes in what cells held") {
  nn::MaskedLayer layer = Layer();
  nn::PeMask mask(layer, {.pe_rows = 4, .pe_columns = 1, .factors = "scale"});
  std::vector<uint8_t> some(mask.chosen().size());
  for (size_t i = 0; i < some.size(); ++i) some[i] = i % 2 == 0 ? 1 : 0;
  mask.Choose(some);
  for (const auto& p : mask.Parameters()) {
    Var var = p.var;
    const bool weights = p.role == nn::Role::kMaskWeight;
    var.mutable_value() =
        Tensor::Full(var.shape(), weights ? 1.5F * layer.range : 0.5F);
  }
  const Tensor factors = mask.Gain({}).value();
  mask.Choose(std::vector<uint8_t>(some.size(), 1));
  const Tensor all = mask.AllWeights();
  const int64_t fan_in = layer.map.matrix().fan_in;
  for (size_t p = 0; p < some.size(); ++p) {
    const nn::Pe& pe = mask.grid().pes()[p];
    mask.grid().VisitWeights(pe, [&](int64_t i) {
      const int64_t entry = pe.row_tile * layer.map.outputs() + i / fan_in;
      // Columns that were whole before have no factor, and keep what they have.
      const float factor = factors.data()[entry];
      const float own = factor == 1 ? 1.5F * layer.range : layer.range;
      const float before = some[p] != 0 ? own : layer.weights.data()[i];
      CHECK(all.data()[i] == Near(factor * before, 1e-6));
    });
  }
}

TEST_CASE("masks: gates and the factors beside them draw apart") {
  const nn::MaskedLayer layer = Layer();
  nn::PeMask mask(layer,
                  {.cut = {.threshold = 0, .estimator = nn::Estimator::kGumbel},
                   .init = 0,  // so that noise alone decides
                   .pe_columns = 1,
                   .factors = "xbm"});
  mask.Choose(std::vector<uint8_t>(mask.chosen().size(), 1));
  mask.AddGates();
  for (float& w : Var(mask.Parameters()[0].var).mutable_value().span()) {
    w = 0.5F * layer.range;
  }
  const nn::MaskPass pass{.training = true, .noise = Key(4)};
  const Tensor now = mask.Weights(Var(layer.weights), pass).value();
  std::vector<float> open;
  for (const nn::Pe& pe : mask.grid().pes()) {
    mask.grid().VisitWeights(pe, [&](int64_t i) {
      if (int64_t(open.size()) == &pe - mask.grid().pes().data()) {
        open.push_back(now.data()[i] == 0.5F * layer.range ? 1.0F : 0.0F);
      }
    });
  }
  const Tensor on = mask.Gain(pass).value();
  REQUIRE(int64_t(open.size()) == on.count());
  CHECK(std::vector<float>(on.span().begin(), on.span().end()) != open);
}

TEST_CASE("masks: a column that is chosen in part keeps its factor") {
  const nn::MaskedLayer layer = Layer();
  const nn::MaskOptions options{
      .pe_rows = 4, .pe_columns = 1, .factors = "scale"};
  nn::PeMask mask(layer, options);
  std::vector<uint8_t> chosen(mask.chosen().size(), 0);
  chosen[0] = 1;  // of the first column, whose array has more than 4 rows
  mask.Choose(chosen);
  CHECK(mask.Counts().at("columns").entries == layer.entries().count());
  CHECK(mask.Counts().at("weights").entries == 4);
  Disturb(&mask, 3);
  nn::PeMask again(layer, options);
  again.Unpack(mask.Pack());
  CHECK(BitEqual(CodesOf(&again, layer), CodesOf(&mask, layer)));
  CHECK(BitEqual(again.Gain({}).value(), mask.Gain({}).value()));
}

TEST_CASE("masks: a profile sees the whole gradient, whatever is trained") {
  const nn::MaskedLayer layer = Layer();
  nn::PeMask mask(layer, {});
  nn::WeightProfile profile;
  mask.set_profile(&profile);
  const Tensor u = RandomTensor(layer.weights.shape(), Key(5));
  for (const float scale : {1.0F, -3.0F}) {
    Tensor g = u.Clone();
    for (float& v : g.span()) v *= scale;
    const Var w = mask.Weights(Var(layer.weights), {});
    CHECK(BitEqual(w.value(), layer.weights));
    Backward(w, g);
  }
  CHECK(profile.passes == 2);
  for (int64_t i = 0; i < u.count(); ++i) {
    const float v = u.data()[i];
    CHECK(profile.sum.data()[i] == Near(-2 * v));
    CHECK(profile.magnitude.data()[i] == Near(4 * std::fabs(v)));
    CHECK(profile.square.data()[i] == Near(10 * v * v));
  }
}

TEST_CASE("masks: PEs that stay chosen keep their weights") {
  const nn::MaskedLayer layer = Layer();
  nn::PeMask mask(layer, {.factors = "none"});
  std::vector<uint8_t> chosen(mask.chosen().size(), 0);
  chosen[0] = chosen[2] = 1;
  mask.Choose(chosen);
  Disturb(&mask, 7);
  const Tensor before = mask.AllWeights();
  chosen[0] = 0;
  chosen[1] = 1;
  mask.Choose(chosen);
  const Tensor after = mask.AllWeights();
  for (size_t p = 0; p < chosen.size(); ++p) {
    mask.grid().VisitWeights(mask.grid().pes()[p], [&](int64_t i) {
      CHECK(after.data()[i] == (p == 2 ? before : layer.weights).data()[i]);
    });
  }
}

}  // namespace
}  // namespace ohm::test
