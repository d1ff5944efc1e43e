#include "train/optim/optimizer.h"

#include <cmath>
#include <set>
#include <utility>

#include "core/base/check.h"
#include "core/base/parallel.h"

namespace ohm::train {
namespace {

constexpr int64_t kGrain = 16384;

void CheckGroup(const ParamGroup& group, std::set<std::string>* names) {
  OHM_CHECK(group.lr_scale >= 0 && group.weight_decay >= 0,
            "[optimizer] group '" + group.name +
                "': expected lr_scale and weight_decay of at least 0, got " +
                std::to_string(group.lr_scale) + " and " +
                std::to_string(group.weight_decay));
  for (const nn::NamedParameter& parameter : group.parameters) {
    OHM_CHECK(parameter.var.defined() && parameter.var.value().defined() &&
                  parameter.var.value().dtype() == DType::kF32,
              "[optimizer] parameter '" + parameter.name +
                  "': expected an f32 tensor");
    OHM_CHECK(names->insert(parameter.name).second,
              "[optimizer] parameter '" + parameter.name +
                  "' is in the groups twice");
  }
}

bool IsNormOrBias(nn::Role role) {
  return role == nn::Role::kBias || role == nn::Role::kNormScale ||
         role == nn::Role::kNormShift;
}

}  // namespace

Optimizer::Optimizer(std::vector<ParamGroup> groups,
                     std::vector<std::string> slot_names, bool counts)
    : groups_(std::move(groups)), slot_names_(std::move(slot_names)) {
  std::set<std::string> names;
  for (const ParamGroup& group : groups_) {
    CheckGroup(group, &names);
    for (const nn::NamedParameter& parameter : group.parameters) {
      auto& slots = slots_.emplace_back();
      for (size_t i = 0; i < slot_names_.size(); ++i) {
        slots.push_back(Tensor::Zeros(parameter.var.shape()));
      }
      if (counts) slots.push_back(Tensor::Zeros({}, DType::kS32));
    }
  }
  if (counts) slot_names_.emplace_back("steps");
}

void Optimizer::Step(double lr) {
  OHM_CHECK(lr >= 0 && std::isfinite(lr),
            "[optimizer] expected a learning rate of at least 0, got " +
                std::to_string(lr));
  size_t index = 0;
  for (ParamGroup& group : groups_) {
    for (nn::NamedParameter& parameter : group.parameters) {
      std::vector<Tensor>& slots = slots_[index++];
      const Tensor& grad = parameter.var.grad();
      if (!grad.defined()) continue;
      Tensor& value = parameter.var.mutable_value();
      OHM_CHECK(grad.shape() == value.shape(),
                "[optimizer] parameter '" + parameter.name +
                    "': expected a gradient of shape " + value.shape().str() +
                    ", got " + grad.shape().str());
      Apply({value.data(), grad.data(), &slots, value.count(),
             lr * group.lr_scale, group.weight_decay});
    }
  }
}

void Optimizer::ClearGrads() {
  for (ParamGroup& group : groups_) {
    for (nn::NamedParameter& parameter : group.parameters) {
      parameter.var.ClearGrad();
    }
  }
}

std::vector<OptimizerSlot> Optimizer::State() {
  std::vector<OptimizerSlot> state;
  size_t index = 0;
  for (const ParamGroup& group : groups_) {
    for (const nn::NamedParameter& parameter : group.parameters) {
      std::vector<Tensor>& slots = slots_[index++];
      for (size_t i = 0; i < slots.size(); ++i) {
        state.push_back(
            {slot_names_[i], parameter.name, parameter.role, &slots[i]});
      }
    }
  }
  return state;
}

std::vector<ParamGroup> GroupParameters(
    const std::vector<nn::NamedParameter>& parameters,
    const std::vector<GroupRule>& rules) {
  std::vector<ParamGroup> groups;
  for (const GroupRule& rule : rules) {
    groups.push_back({rule.name, {}, rule.lr_scale, rule.weight_decay});
  }
  for (const nn::NamedParameter& parameter : parameters) {
    for (size_t i = 0; i < rules.size(); ++i) {
      if (!rules[i].matches(parameter)) continue;
      groups[i].parameters.push_back(parameter);
      break;
    }
  }
  std::erase_if(groups,
                [](const ParamGroup& g) { return g.parameters.empty(); });
  return groups;
}

std::vector<ParamGroup> DecayGroups(
    const std::vector<nn::NamedParameter>& parameters, double weight_decay,
    bool decay_norm_and_bias) {
  const auto decays = [=](const nn::NamedParameter& parameter) {
    if (nn::IsMask(parameter.role) || parameter.role == nn::Role::kAdcRange) {
      return false;
    }
    return decay_norm_and_bias || !IsNormOrBias(parameter.role);
  };
  return GroupParameters(
      parameters,
      {{"decay", decays, 1, weight_decay},
       {"no_decay", [](const nn::NamedParameter&) { return true; }, 1, 0}});
}

double ClipGradNorm(const std::vector<nn::NamedParameter>& parameters,
                    double max_norm) {
  OHM_CHECK(max_norm > 0,
            "[clip] expected a norm above 0, got " + std::to_string(max_norm));
  double squares = 0;  // in order, so that it is the same for all threads
  for (const nn::NamedParameter& parameter : parameters) {
    if (!parameter.var.grad().defined()) continue;
    for (const float g : parameter.var.grad().span()) {
      squares += double(g) * double(g);
    }
  }
  const double norm = std::sqrt(squares);
  if (!std::isfinite(norm) || norm <= max_norm) return norm;
  const auto scale = static_cast<float>(max_norm / norm);
  for (nn::NamedParameter parameter : parameters) {
    Tensor& grad = parameter.var.mutable_grad();
    if (!grad.defined()) continue;
    if (!grad.unique()) grad = grad.Clone();
    float* g = grad.data();
    ParallelFor(grad.count(), kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) g[i] *= scale;
    });
  }
  return norm;
}

}  // namespace ohm::train
