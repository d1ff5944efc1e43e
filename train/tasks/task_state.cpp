#include "train/tasks/task_state.h"

#include <fmt/format.h>

#include <sstream>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "nn/crossbar_policy.h"
#include "train/checkpoint.h"
#include "train/safetensors.h"
#include "train/tasks/mask_names.h"

namespace ohm::train {
namespace {

bool BelongsToTask(const nn::Model& model, const nn::NamedParameter& p) {
  return nn::IsNorm(p.role) || p.role == nn::Role::kAdcRange ||
         model.IsHead(p.name);
}

bool OfHead(const nn::Model& model, const std::string& name) {
  return name.starts_with(model.head_path() + ".");
}

}  // namespace

TaskState CaptureTask(nn::Model* model, const std::string& mask,
                      const nn::MaskOptions& options) {
  TaskState state;
  state.mask = mask;
  state.options = options;
  for (const auto& p : model->Parameters()) {
    if (BelongsToTask(*model, p)) state.tensors[p.name] = p.var.value().Clone();
  }
  for (const auto& b : model->Buffers()) {
    if (b.tensor->defined()) state.tensors[b.name] = b.tensor->Clone();
  }
  for (const auto& leaf : nn::CrossbarLeaves(model)) {
    if (leaf.policy->mask() == nullptr) continue;
    for (auto& [kind, packed] : leaf.policy->mask()->Pack()) {
      state.tensors[MaskPrefix(leaf.path) + kind] = packed;
    }
  }
  return state;
}

void SetMasks(nn::Model* model, const std::string& mask,
              const nn::MaskOptions& options) {
  for (const auto& leaf : nn::CrossbarLeaves(model)) {
    const bool takes = !mask.empty() && TakesMask(*model, leaf.path);
    leaf.policy->set_mask(
        takes ? nn::FindMask(mask).make(leaf.Masked(), options) : nullptr);
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
    OHM_CHECK(OfHead(*model, p.name) || value.shape() == p.var.shape(),
              "[task] '" + p.name + "': expected shape " + p.var.shape().str() +
                  ", got " + value.shape().str());
    p.var.mutable_value() = value.Clone();
    p.var.ClearGrad();
  }
  for (const auto& b : model->Buffers()) {
    const bool held = b.tensor->defined() || state.tensors.contains(b.name);
    if (held) *b.tensor = find(b.name).Clone();
  }
  SetMasks(model, state.mask, state.options);
  for (const auto& leaf : nn::CrossbarLeaves(model)) {
    if (leaf.policy->mask() == nullptr) continue;
    leaf.policy->mask()->Unpack(PackedMaskOf(state.tensors, leaf.path));
  }
}

namespace {

// What masks and new weights count on: where weights lie in arrays, and codes.
std::string ArraysText(nn::Model* model) {
  const auto leaves = nn::CrossbarLeaves(model);
  if (leaves.empty()) return "";
  const hw::CrossbarSpec& spec = leaves[0].policy->spec();
  const char* order =
      spec.row_order == hw::RowOrder::kKhKwC ? "kh_kw_c" : "c_kh_kw";
  const char* packing =
      spec.packing == hw::Packing::kDense ? "dense" : "aligned";
  return fmt::format(
      " on arrays of {}x{} ({}, {}, weights of {} bits, slices of each: {})",
      spec.rows, spec.columns, order, packing, spec.weight_bits,
      hw::CellSlicing(spec).slices.size());
}

}  // namespace

std::string BackboneHash(nn::Model* model) {
  std::vector<nn::NamedParameter> own;
  for (const auto& p : model->Parameters()) {
    const bool mask = nn::IsMask(p.role);
    if (!BelongsToTask(*model, p) && !mask) own.push_back(p);
  }
  return HashWeights(own, {}) + ArraysText(model);
}

namespace {

// What entries need to be read again. Scores and estimators are not kept: they
// only matter while a mask is learned.
std::string OptionsText(const nn::MaskOptions& options) {
  return fmt::format(
      "levels {} {} {} scale_bits {} pe_rows {} pe_columns {} factors {} "
      "threshold {} one_cell {}",
      options.levels.min, options.levels.max, options.levels.zero ? 1 : 0,
      options.scale_bits, options.pe_rows, options.pe_columns, options.factors,
      options.cut.threshold, options.one_cell ? 1 : 0);
}

nn::MaskOptions ReadOptions(const std::string& text,
                            const std::filesystem::path& path) {
  nn::MaskOptions options;
  std::string levels, bits, rows, columns, factors, threshold, one_cell;
  std::istringstream words(text);
  words >> levels >> options.levels.min >> options.levels.max >>
      options.levels.zero >> bits >> options.scale_bits >> rows >>
      options.pe_rows >> columns >> options.pe_columns >> factors >>
      options.factors >> threshold >> options.cut.threshold >> one_cell >>
      options.one_cell;
  OHM_CHECK(!words.fail() && levels == "levels" && bits == "scale_bits" &&
                rows == "pe_rows" && columns == "pe_columns" &&
                factors == "factors" && threshold == "threshold" &&
                one_cell == "one_cell",
            "'" + path.string() +
                "': expected the mask's options (levels, scale_bits, pe_rows, "
                "pe_columns, factors, threshold, one_cell), got '" +
                text + "'");
  return options;
}

// Over everything but itself.
std::string Checksum(const NamedTensors& file) {
  std::map<std::string, const Tensor*> sorted;
  for (const auto& [name, tensor] : file.tensors) sorted[name] = &tensor;
  Fnv1a hash;
  const auto add = [&](const std::string& text) {
    hash.Add(text.c_str(), text.size() + 1);
  };
  for (const auto& [key, value] : file.metadata) {
    if (key == "ohmgrad.checksum") continue;
    add(key);
    add(value);
  }
  for (const auto& [name, tensor] : sorted) {
    add(name);
    add(NameOf(tensor->dtype()));
    add(tensor->shape().str());
    hash.Add(tensor->raw(), tensor->bytes());
  }
  return hash.Hex();
}

}  // namespace

void SaveTask(const std::filesystem::path& path, const TaskState& state,
              const std::string& backbone_hash) {
  NamedTensors file;
  for (const auto& [name, tensor] : state.tensors) {
    file.tensors.emplace_back(name, tensor);
  }
  file.metadata = {{"ohmgrad.kind", "task"},
                   {"ohmgrad.version", "6"},
                   {"ohmgrad.backbone", backbone_hash},
                   {"ohmgrad.mask", state.mask},
                   {"ohmgrad.mask_options", OptionsText(state.options)}};
  file.metadata["ohmgrad.checksum"] = Checksum(file);
  WriteSafetensors(path, file);
}

TaskState LoadTask(const std::filesystem::path& path,
                   const std::string& backbone_hash) {
  NamedTensors file = ReadSafetensors(path);
  const auto meta = [&](const char* key) {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? std::string() : found->second;
  };
  const auto expect = [&](const char* what, const std::string& wanted,
                          const std::string& got) {
    OHM_CHECK(wanted == got, "'" + path.string() + "': expected " + what + " " +
                                 wanted + ", got " +
                                 (got.empty() ? "none" : got));
  };
  expect("a file of kind", "task", meta("ohmgrad.kind"));
  expect("a task file of version", "6", meta("ohmgrad.version"));
  expect("contents with checksum", meta("ohmgrad.checksum"), Checksum(file));
  expect("a task of backbone", backbone_hash, meta("ohmgrad.backbone"));
  TaskState state;
  state.mask = meta("ohmgrad.mask");
  state.options = ReadOptions(meta("ohmgrad.mask_options"), path);
  for (auto& [name, tensor] : file.tensors) state.tensors[name] = tensor;
  return state;
}

}  // namespace ohm::train
