#include "train/tasks/task_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "core/base/check.h"
#include "nn/crossbar_policy.h"
#include "train/checkpoint.h"
#include "train/safetensors.h"

namespace ohm::train {
namespace {

bool BelongsToTask(const nn::Model& model, const nn::NamedParameter& p) {
  return nn::IsNorm(p.role) || model.IsHead(p.name);
}

std::string MaskName(const std::string& path) {
  return path + ".crossbar.mask";
}

// The head's arrays compute a task's own weights: a mask over them would
// repeat what its weights can say.
bool TakesMask(const nn::Model& model, const std::string& path) {
  return path != model.head_path();
}

}  // namespace

TaskState CaptureTask(nn::Model* model, const std::string& mask,
                      const nn::MaskOptions& options) {
  TaskState state;
  state.mask = mask;
  state.levels = options.levels;
  for (const auto& p : model->Parameters()) {
    if (BelongsToTask(*model, p)) state.tensors[p.name] = p.var.value().Clone();
  }
  for (const auto& b : model->Buffers()) {
    if (b.tensor->defined()) state.tensors[b.name] = b.tensor->Clone();
  }
  for (const auto& leaf : nn::CrossbarLeaves(model)) {
    if (leaf.policy->mask() == nullptr) continue;
    state.tensors[MaskName(leaf.path)] = leaf.policy->mask()->Pack();
  }
  return state;
}

void SetMasks(nn::Model* model, const std::string& mask,
              const nn::MaskOptions& options) {
  for (const auto& leaf : nn::CrossbarLeaves(model)) {
    const bool takes = !mask.empty() && TakesMask(*model, leaf.path);
    leaf.policy->set_mask(
        takes ? nn::FindMask(mask).make(leaf.mask_entries(), options)
              : nullptr);
  }
}

void ApplyTask(nn::Model* model, const TaskState& state) {
  const auto find = [&](const std::string& name) -> const Tensor& {
    const auto found = state.tensors.find(name);
    OHM_CHECK(found != state.tensors.end(),
              "[task] the task has no tensor '" + name + "'");
    return found->second;
  };
  for (auto& p : model->Parameters()) {
    if (!BelongsToTask(*model, p)) continue;
    const Tensor& value = find(p.name);
    // Heads differ in their number of outputs, so they are replaced whole.
    OHM_CHECK(model->IsHead(p.name) || value.shape() == p.var.shape(),
              "[task] '" + p.name + "': expected shape " + p.var.shape().str() +
                  ", got " + value.shape().str());
    p.var.mutable_value() = value.Clone();
    p.var.ClearGrad();
  }
  for (const auto& b : model->Buffers()) {
    if (b.tensor->defined()) *b.tensor = find(b.name).Clone();
  }
  SetMasks(model, state.mask, {.levels = state.levels});
  for (const auto& leaf : nn::CrossbarLeaves(model)) {
    if (leaf.policy->mask() == nullptr) continue;
    leaf.policy->mask()->Unpack(find(MaskName(leaf.path)));
  }
}

TaskBytes CountBytes(nn::Model* model, const TaskState& state) {
  TaskBytes bytes;
  std::map<std::string, int64_t TaskBytes::*> term;
  for (const auto& p : model->Parameters()) {
    if (nn::IsNorm(p.role)) term[p.name] = &TaskBytes::norm;
    if (model->IsHead(p.name)) term[p.name] = &TaskBytes::head;
  }
  for (const auto& b : model->Buffers()) {
    const bool range = b.name.find(".crossbar.") != std::string::npos;
    term[b.name] = range ? &TaskBytes::ranges : &TaskBytes::norm;
  }
  for (const auto& [name, tensor] : state.tensors) {
    const auto found = term.find(name);
    if (found != term.end()) bytes.*found->second += int64_t(tensor.bytes());
  }
  for (const auto& leaf : nn::CrossbarLeaves(model)) {
    const auto found = state.tensors.find(MaskName(leaf.path));
    if (found == state.tensors.end()) continue;
    const auto mask = nn::FindMask(state.mask)
                          .make(leaf.mask_entries(), {.levels = state.levels});
    mask->Unpack(found->second);
    const Tensor gain = mask->Gain().value();
    bytes.mask += int64_t(found->second.bytes());
    bytes.mask_entries += gain.count();
    bytes.mask_off += std::ranges::count(gain.span(), 0.0F);
  }
  return bytes;
}

int64_t PiggybackBytes(nn::Model* model) {
  int64_t bits = 0;
  for (const auto& p : model->Parameters()) {
    if (p.role == nn::Role::kConvWeight) bits += p.var.value().count();
  }
  return (bits + 7) / 8;
}

std::string BackboneHash(nn::Model* model) {
  std::vector<nn::NamedParameter> own;
  for (const auto& p : model->Parameters()) {
    const bool mask = p.role == nn::Role::kMask;
    if (!BelongsToTask(*model, p) && !mask) own.push_back(p);
  }
  return HashWeights(own, {});
}

namespace {

std::string LevelsText(const nn::ShiftLevels& levels) {
  return fmt::format("{} {} {}", levels.min, levels.max, levels.zero ? 1 : 0);
}

nn::ShiftLevels ReadLevels(const std::string& text,
                           const std::filesystem::path& path) {
  nn::ShiftLevels levels;
  std::istringstream words(text);
  words >> levels.min >> levels.max >> levels.zero;
  OHM_CHECK(!words.fail(), "'" + path.string() +
                               "': expected levels as three numbers, got '" +
                               text + "'");
  return levels;
}

}  // namespace

void SaveTask(const std::filesystem::path& path, const TaskState& state,
              const std::string& backbone_hash) {
  NamedTensors file;
  for (const auto& [name, tensor] : state.tensors) {
    file.tensors.emplace_back(name, tensor);
  }
  file.metadata = {{"ohmgrad.kind", "task"},
                   {"ohmgrad.version", "1"},
                   {"ohmgrad.backbone", backbone_hash},
                   {"ohmgrad.mask", state.mask},
                   {"ohmgrad.levels", LevelsText(state.levels)}};
  WriteSafetensors(path, file);
}

TaskState LoadTask(const std::filesystem::path& path,
                   const std::string& backbone_hash) {
  NamedTensors file = ReadSafetensors(path);
  const auto meta = [&](const char* key) {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? std::string() : found->second;
  };
  OHM_CHECK(meta("ohmgrad.kind") == "task" && meta("ohmgrad.version") == "1",
            "'" + path.string() + "': expected a task file of version 1");
  OHM_CHECK(meta("ohmgrad.backbone") == backbone_hash,
            "'" + path.string() + "': expected a task of backbone " +
                backbone_hash + ", got one of " + meta("ohmgrad.backbone"));
  TaskState state;
  state.mask = meta("ohmgrad.mask");
  state.levels = ReadLevels(meta("ohmgrad.levels"), path);
  for (auto& [name, tensor] : file.tensors) state.tensors[name] = tensor;
  return state;
}

}  // namespace ohm::train
