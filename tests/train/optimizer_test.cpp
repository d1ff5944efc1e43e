#include <doctest/doctest.h>

#include <cmath>

#include "core/base/parallel.h"
#include "core/base/random.h"
#include "tests/support/near.h"
#include "tests/support/worse.h"
#include "tests/train/scratch_folder.h"
#include "train/optim/table.h"

namespace ohm::train {
namespace {

using nn::NamedParameter;
using nn::Role;

constexpr int64_t kCount = 40000;  // more than one grain, and a ragged end

Tensor Random(const Shape& shape, Key key) {
  Tensor t = Tensor::Empty(shape);
  for (int64_t i = 0; i < t.count(); ++i) {
    t.data()[i] = static_cast<float>(key.Normal(uint64_t(i)));
  }
  return t;
}

NamedParameter Parameter(const std::string& name, Role role, Tensor value) {
  return {name, role, Var(std::move(value), /*requires_grad=*/true)};
}

// One parameter through `steps` steps, beside a plain loop in double.
class Reference {
 public:
  explicit Reference(const Tensor& start)
      : p(start.span().begin(), start.span().end()),
        m(p.size(), 0.0),
        v(p.size(), 0.0) {}
  std::vector<double> p, m, v;
};

using ReferenceStep = void (*)(Reference*, const Tensor& grad, double lr,
                               double decay, int step, const OptimizerOptions&);

void SgdReference(Reference* r, const Tensor& grad, double lr, double decay,
                  int, const OptimizerOptions& o) {
  for (size_t i = 0; i < r->p.size(); ++i) {
    const double g = grad.data()[i] + decay * r->p[i];
    r->m[i] = o.momentum * r->m[i] + g;
    r->p[i] -= lr * (o.nesterov ? g + o.momentum * r->m[i] : r->m[i]);
  }
}

void AdamReference(Reference* r, const Tensor& grad, double lr, double decay,
                   int step, const OptimizerOptions& o) {
  for (size_t i = 0; i < r->p.size(); ++i) {
    double g = grad.data()[i];
    if (o.decoupled_decay) {
      r->p[i] *= 1 - lr * decay;
    } else {
      g += decay * r->p[i];
    }
    r->m[i] = o.beta1 * r->m[i] + (1 - o.beta1) * g;
    r->v[i] = o.beta2 * r->v[i] + (1 - o.beta2) * g * g;
    const double m = r->m[i] / (1 - std::pow(o.beta1, step));
    const double v = r->v[i] / (1 - std::pow(o.beta2, step));
    r->p[i] -= lr * m / (std::sqrt(v) + o.epsilon);
  }
}

Tensor RunSteps(const std::string& name, const OptimizerOptions& options,
                int steps, Reference* reference, ReferenceStep step) {
  const Tensor start = Random({kCount}, Key(1));
  *reference = Reference(start);
  const auto parameter = Parameter("w", Role::kLinearWeight, start.Clone());
  auto optimizer =
      MakeOptimizer(name, {{"all", {parameter}, 0.5, 0.01}}, options);
  Var handle = parameter.var;
  for (int i = 1; i <= steps; ++i) {
    const Tensor grad = Random({kCount}, Key(100 + uint64_t(i)));
    handle.mutable_grad() = grad.Clone();
    const double lr = 0.1 / i;
    optimizer->Step(lr);
    step(reference, grad, 0.5 * lr, 0.01, i, options);
    CHECK(BitEqual(handle.grad(), grad));
  }
  return parameter.var.value();
}

void CheckClose(const Tensor& t, const std::vector<double>& expected) {
  double worst = 0;
  for (int64_t i = 0; i < t.count(); ++i) {
    const double e = expected[size_t(i)];
    worst = test::Worse(worst, std::abs(t.data()[i] - e) / (1 + std::abs(e)));
  }
  CHECK(worst < 2e-6);
}

}  // namespace

TEST_CASE("sgd and adam follow a plain double loop, for 1 and 2 threads") {
  struct Case {
    const char* name;
    OptimizerOptions options;
    ReferenceStep step;
  };
  const Case table[] = {
      {"sgd", {.momentum = 0}, SgdReference},
      {"sgd", {.momentum = 0.9}, SgdReference},
      {"sgd", {.momentum = 0.9, .nesterov = true}, SgdReference},
      {"adam", {}, AdamReference},
      {"adam", {.beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-3}, AdamReference},
      {"adam", {.decoupled_decay = true}, AdamReference},
  };
  const int before = Threads();
  for (const Case& c : table) {
    CAPTURE(c.name);
    Reference reference{Tensor::Zeros({0})};
    SetThreads(1);
    const Tensor one = RunSteps(c.name, c.options, 6, &reference, c.step);
    CheckClose(one, reference.p);
    SetThreads(2);
    const Tensor two = RunSteps(c.name, c.options, 6, &reference, c.step);
    CHECK(BitEqual(one, two));
  }
  SetThreads(before);
}

TEST_CASE("optimizer: no gradient, no change, no state, no step count") {
  auto with = Parameter("with", Role::kBias, Tensor::Full({4}, 1));
  auto without = Parameter("without", Role::kBias, Tensor::Full({4}, 1));
  auto optimizer = MakeOptimizer("adam", {{"g", {with, without}, 1, 0.1}}, {});
  with.var.mutable_grad() = Tensor::Full({4}, 1);
  optimizer->Step(0.1);
  CHECK(with.var.value().data()[0] < 1);
  CHECK(BitEqual(without.var.value(), Tensor::Full({4}, 1)));
  for (const OptimizerSlot& slot : optimizer->State()) {
    if (slot.slot != "steps") continue;
    CHECK(slot.tensor->data<int32_t>()[0] == (slot.parameter == "with"));
  }
  optimizer->ClearGrads();
  CHECK(!with.var.grad().defined());
}

TEST_CASE("optimizer: state names follow groups and slots") {
  auto a =
      Parameter("a.weight", Role::kConvWeight, Tensor::Zeros({2, 1, 1, 3}));
  auto b = Parameter("a.bias", Role::kBias, Tensor::Zeros({2}));
  const auto state = MakeOptimizer("sgd", {{"g", {a, b}}}, {})->State();
  REQUIRE(state.size() == 2);
  CHECK(state[0].slot == "momentum");
  CHECK(state[1].parameter == "a.bias");
  CHECK(MakeOptimizer("adam", {{"g", {a, b}}}, {})->State().size() == 6);
  CHECK(
      MakeOptimizer("sgd", {{"g", {a, b}}}, {.momentum = 0})->State().empty());
}

TEST_CASE("optimizer: decay groups by role") {
  const std::vector<NamedParameter> parameters = {
      Parameter("conv", Role::kConvWeight, Tensor::Zeros({1, 1, 1, 1})),
      Parameter("scale", Role::kNormScale, Tensor::Zeros({1})),
      Parameter("shift", Role::kNormShift, Tensor::Zeros({1})),
      Parameter("fc", Role::kLinearWeight, Tensor::Zeros({1, 1})),
      Parameter("bias", Role::kBias, Tensor::Zeros({1})),
      Parameter("mask", Role::kMaskScore, Tensor::Zeros({1}))};
  const auto groups = DecayGroups(parameters, 5e-4, false);
  REQUIRE(groups.size() == 2);
  REQUIRE(groups[0].parameters.size() == 2);
  CHECK(groups[0].parameters[1].name == "fc");
  CHECK(groups[0].weight_decay == 5e-4);
  CHECK(groups[1].parameters.size() == 4);
  CHECK(groups[1].weight_decay == 0);
  const auto all = DecayGroups(parameters, 5e-4, true);
  REQUIRE(all.size() == 2);
  CHECK(all[0].parameters.size() == 5);
  CHECK(all[1].parameters[0].name == "mask");
}

TEST_CASE("optimizer: the first matching rule takes a parameter") {
  const std::vector<NamedParameter> parameters = {
      Parameter("fc.weight", Role::kLinearWeight, Tensor::Zeros({1, 1})),
      Parameter("mask", Role::kMaskScore, Tensor::Zeros({1})),
      Parameter("frozen", Role::kConvWeight, Tensor::Zeros({1, 1, 1, 1}))};
  const auto groups = GroupParameters(
      parameters,
      {{"masks", [](const auto& p) { return p.role == Role::kMaskScore; }, 0.1},
       {"nothing", [](const auto&) { return false; }},
       {"rest", [](const auto& p) { return p.name != "frozen"; }, 2, 0.5}});
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].name == "masks");
  CHECK(groups[0].lr_scale == 0.1);
  REQUIRE(groups[1].parameters.size() == 1);
  CHECK(groups[1].parameters[0].name == "fc.weight");
}

TEST_CASE("optimizer: clipping scales all gradients together") {
  auto a = Parameter("a", Role::kBias, Tensor::Zeros({2}));
  auto b = Parameter("b", Role::kBias, Tensor::Zeros({1}));
  auto none = Parameter("none", Role::kBias, Tensor::Zeros({1}));
  const Tensor kept = Tensor::Full({2}, 2);
  a.var.mutable_grad() = kept;  // shared: must not be written through
  b.var.mutable_grad() = Tensor::Full({1}, 1);
  CHECK(ClipGradNorm({a, b, none}, 5) == test::Near(3));
  CHECK(b.var.grad().item() == 1);
  CHECK(ClipGradNorm({a, b, none}, 1.5) == test::Near(3));
  CHECK(b.var.grad().item() == test::Near(0.5));
  CHECK(a.var.grad().data()[1] == test::Near(1));
  CHECK(BitEqual(kept, Tensor::Full({2}, 2)));
  b.var.mutable_grad() = Tensor::Full({1}, INFINITY);
  CHECK(!std::isfinite(ClipGradNorm({a, b}, 1)));
  CHECK(a.var.grad().data()[1] == test::Near(1));
}

TEST_CASE("optimizer: wrong use is refused") {
  auto p = Parameter("p", Role::kBias, Tensor::Zeros({2}));
  const auto make = [&](const char* name, std::vector<ParamGroup> groups,
                        const OptimizerOptions& options) {
    return MessageOf([&] { MakeOptimizer(name, groups, options); });
  };
  CHECK(Contains(make("sdg", {}, {}), "expected one of sgd, adam, got 'sdg'"));
  CHECK(Contains(make("sgd", {{"a", {p}}, {"b", {p}}}, {}), "'p'"));
  CHECK(Contains(make("sgd", {{"a", {{"u", Role::kBias, Var()}}}}, {}), "'u'"));
  CHECK(Contains(make("sgd", {{"a", {p}, -1}}, {}), "'a'"));
  CHECK(Contains(make("sgd", {}, {.momentum = 1}), "momentum"));
  CHECK(
      Contains(make("sgd", {}, {.momentum = 0, .nesterov = true}), "nesterov"));
  CHECK(Contains(make("adam", {}, {.beta2 = 1}), "beta2"));
  CHECK(Contains(make("adam", {}, {.epsilon = 0}), "epsilon"));
  auto optimizer = MakeOptimizer("sgd", {{"a", {p}}}, {});
  CHECK(Contains(MessageOf([&] { optimizer->Step(NAN); }), "learning rate"));
  p.var.mutable_grad() = Tensor::Zeros({3});
  CHECK(
      Contains(MessageOf([&] { optimizer->Step(0.1); }), "shape [2], got [3]"));
}

}  // namespace ohm::train
