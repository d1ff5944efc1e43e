#include "train/tasks/trained.h"

#include "nn/layers/batch_norm2d.h"
#include "train/optim/table.h"

namespace ohm::train {

void SetNormMode(const MethodRow& method, const TasksOptions& options,
                 nn::Model* model) {
  const bool own_statistics = method.own_norm && options.norm != "frozen";
  model->Visit([&](const std::string& /*path*/, nn::Module& module) {
    if (auto* norm = dynamic_cast<nn::BatchNorm2d*>(&module)) {
      norm->set_mode(own_statistics ? nn::NormMode::kBatch
                                    : nn::NormMode::kFrozen);
    }
  });
}

void LeaveTrained(const MethodRow& method, const TasksOptions& options,
                  nn::Model* model) {
  SetNormMode(method, options, model);
  const bool own_affine = method.own_norm && options.norm == "affine";
  for (auto& p : model->Parameters()) {
    p.var.ClearGrad();
    p.var.set_requires_grad(model->IsHead(p.name) || nn::IsMask(p.role) ||
                            p.role == nn::Role::kAdcRange ||
                            (own_affine && nn::IsNorm(p.role)));
  }
}

std::unique_ptr<Optimizer> MakeTaskOptimizer(const TasksOptions& options,
                                             nn::Model* model) {
  const auto of_role = [](nn::Role role) {
    return [role](const nn::NamedParameter& p) { return p.role == role; };
  };
  const auto rules = std::vector<GroupRule>{
      {"scores", of_role(nn::Role::kMaskScore), options.lr_mask},
      {"factors", of_role(nn::Role::kMaskFactor), options.lr_scale},
      {"weights", of_role(nn::Role::kMaskWeight), options.lr_weights},
      {"ranges", of_role(nn::Role::kAdcRange), options.lr_range},
      {"norm",
       [](const nn::NamedParameter& p) {
         return nn::IsNorm(p.role) && p.var.requires_grad();
       },
       options.lr_norm},
      {"head",
       [model](const nn::NamedParameter& p) { return model->IsHead(p.name); },
       options.lr_head},
  };
  return MakeOptimizer(options.optimizer,
                       GroupParameters(model->Parameters(), rules), {});
}

void TakeOverState(Optimizer* from, Optimizer* to) {
  const auto old = from->State();
  for (const OptimizerSlot& slot : to->State()) {
    if (slot.role == nn::Role::kMaskWeight) continue;
    for (const OptimizerSlot& s : old) {
      if (s.slot != slot.slot || s.parameter != slot.parameter) continue;
      if (s.tensor->shape() == slot.tensor->shape()) *slot.tensor = *s.tensor;
    }
  }
}

}  // namespace ohm::train
