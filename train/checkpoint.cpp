#include "train/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "train/safetensors.h"

namespace ohm::train {
namespace {

constexpr const char* kStateFormat = "ohmgrad training state 1";

// One tensor of the model and how the file names and lays it out.
struct Target {
  std::string name;
  Tensor* tensor;
  bool conv = false;  // [out, kh, kw, in] in memory
};

std::vector<Target> TargetsOf(std::vector<nn::NamedParameter>* parameters,
                              const std::vector<nn::NamedBuffer>& buffers) {
  std::vector<Target> targets;
  for (nn::NamedParameter& p : *parameters) {
    targets.push_back(
        {p.name, &p.var.mutable_value(), p.role == nn::Role::kConvWeight});
  }
  for (const nn::NamedBuffer& b : buffers)
    targets.push_back({b.name, b.tensor});
  return targets;
}

void AddSlots(Optimizer* optimizer, std::vector<Target>* targets) {
  for (const OptimizerSlot& slot : optimizer->State()) {
    targets->push_back({"optimizer." + slot.slot + "." + slot.parameter,
                        slot.tensor,
                        slot.role == nn::Role::kConvWeight &&
                            slot.tensor->shape().rank() == 4});
  }
}

Shape FileShape(const Target& target) {
  const Shape& s = target.tensor->shape();
  return target.conv ? Shape{s[0], s[3], s[1], s[2]} : s;
}

// [outer, a, b] -> [outer, b, a]: both directions of the convolution layout.
Tensor SwapInner(const Tensor& from, const Shape& to, int64_t a, int64_t b) {
  Tensor out = Tensor::Empty(to);
  const float* src = from.data();
  float* dst = out.data();
  for (int64_t o = 0; o < to[0]; ++o, src += a * b, dst += a * b) {
    for (int64_t i = 0; i < a; ++i) {
      for (int64_t j = 0; j < b; ++j) dst[j * a + i] = src[i * b + j];
    }
  }
  return out;
}

Tensor ToFile(const Target& target) {
  const Tensor& t = *target.tensor;
  if (!target.conv) return t;
  return SwapInner(t, FileShape(target), t.size(1) * t.size(2), t.size(3));
}

Tensor FromFile(const Target& target, const Tensor& t) {
  if (!target.conv) return t;
  return SwapInner(t, target.tensor->shape(), t.size(1), t.size(2) * t.size(3));
}

bool IsCrossbarState(std::string_view name) {
  return ("." + std::string(name) + ".").find(".crossbar.") !=
         std::string::npos;
}

bool IsIgnored(const std::string& name) {
  return name.ends_with("num_batches_tracked");
}

void StripModulePrefix(NamedTensors* file) {
  constexpr std::string_view kPrefix = "module.";
  const bool all = std::ranges::all_of(file->tensors, [&](const auto& entry) {
    return entry.first.starts_with(kPrefix);
  });
  if (!all) return;
  for (auto& [name, tensor] : file->tensors) name.erase(0, kPrefix.size());
}

std::string Describe(const Tensor& tensor, const Shape& shape) {
  return std::string(NameOf(tensor.dtype())) + " " + shape.str();
}

// "missing a, b and 3 more": all names up to a dozen, then a count.
void AppendList(const std::string& what, const std::vector<std::string>& names,
                std::string* sentence) {
  constexpr size_t kMost = 12;
  if (names.empty()) return;
  *sentence += (sentence->empty() ? "" : "; ") + what + " ";
  for (size_t i = 0; i < std::min(names.size(), kMost); ++i) {
    *sentence += (i > 0 ? ", " : "") + names[i];
  }
  if (names.size() > kMost) {
    *sentence += " and " + std::to_string(names.size() - kMost) + " more";
  }
}

bool IsRange(const std::string& name) {
  return name.ends_with(".crossbar.input_range") ||
         name.ends_with(".crossbar.adc_range");
}

// Converters would hide what else shows as a loss that is no number.
bool IsSound(const std::string& name, const Tensor& tensor) {
  if (tensor.dtype() != DType::kF32) return true;
  const bool positive = name.ends_with("running_var");
  return std::ranges::all_of(tensor.span(), [&](float v) {
    return std::isfinite(v) && (!positive || v >= 0);
  });
}

// Matches targets and file by name; Error unless all agree. Returns the file's
// tensor for each target, nullptr where it may be missing.
std::vector<const Tensor*> Match(const std::filesystem::path& path,
                                 const std::vector<Target>& targets,
                                 const NamedTensors& file,
                                 const LoadPolicy& policy) {
  std::unordered_map<std::string, const Tensor*> unused;
  for (const auto& [name, tensor] : file.tensors) unused[name] = &tensor;
  std::vector<std::string> missing, unexpected, wrong, broken;
  std::vector<const Tensor*> found;
  for (const Target& target : targets) {
    if (policy.ignore_ranges && IsRange(target.name)) {
      found.push_back(nullptr);
      continue;
    }
    const auto it = unused.find(target.name);
    found.push_back(it == unused.end() ? nullptr : it->second);
    const Tensor* tensor = found.back();
    if (tensor == nullptr) {
      const bool may_miss =
          !target.tensor->defined() ||
          (policy.crossbar_may_be_missing && IsCrossbarState(target.name));
      if (!may_miss) missing.push_back(target.name);
      continue;
    }
    unused.erase(it);
    if (!IsSound(target.name, *tensor)) broken.push_back(target.name);
    if (!target.tensor->defined()) continue;
    const Shape expected = FileShape(target);
    if (tensor->shape() == expected &&
        tensor->dtype() == target.tensor->dtype()) {
      continue;
    }
    wrong.push_back(target.name + " (expected " +
                    Describe(*target.tensor, expected) + ", got " +
                    Describe(*tensor, tensor->shape()) + ")");
  }
  for (const auto& [name, tensor] : file.tensors) {
    if (!unused.contains(name)) continue;
    if (policy.ignore_crossbar && IsCrossbarState(name)) continue;
    if (policy.ignore_ranges && IsRange(name)) continue;
    unexpected.push_back(name);
  }
  std::string sentence;
  AppendList("missing", missing, &sentence);
  AppendList("unexpected", unexpected, &sentence);
  AppendList("wrong shape or type:", wrong, &sentence);
  AppendList("no numbers, or variances below 0:", broken, &sentence);
  if (std::ranges::any_of(unexpected, IsRange)) {
    sentence +=
        "; model.recalibrate sets converter ranges anew for this crossbar";
  }
  OHM_CHECK(sentence.empty(),
            "'" + path.string() + "' does not fit this model: " + sentence);
  return found;
}

void CopyMatched(const std::vector<Target>& targets,
                 const std::vector<const Tensor*>& found) {
  for (size_t i = 0; i < targets.size(); ++i) {
    if (found[i] == nullptr) continue;
    Tensor* tensor = targets[i].tensor;
    if (tensor->defined()) {
      tensor->CopyFrom(FromFile(targets[i], *found[i]));
    } else {
      *tensor = *found[i];
    }
  }
}

NamedTensors Collect(const std::vector<Target>& targets) {
  NamedTensors file;
  for (const Target& target : targets) {
    if (!target.tensor->defined()) continue;
    file.tensors.emplace_back(target.name, ToFile(target));
  }
  return file;
}

int64_t Counter(const std::filesystem::path& path,
                std::map<std::string, std::string>* metadata,
                const std::string& key) {
  const auto node = metadata->extract(key);
  const std::string text = node.empty() ? "" : node.mapped();
  int64_t value = -1;
  const auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  OHM_CHECK(
      code == std::errc() && end == text.data() + text.size() && value >= 0,
      "'" + path.string() + "': expected a count as '" + key + "', got '" +
          text + "'");
  return value;
}

}  // namespace

void SaveWeights(const std::filesystem::path& path,
                 const std::vector<nn::NamedParameter>& parameters,
                 const std::vector<nn::NamedBuffer>& buffers,
                 const std::map<std::string, std::string>& metadata) {
  auto handles = parameters;
  NamedTensors file = Collect(TargetsOf(&handles, buffers));
  file.metadata = metadata;
  file.metadata.emplace("format", "pt");  // what torch loaders look for
  WriteSafetensors(path, file);
}

std::map<std::string, std::string> LoadWeights(
    const std::filesystem::path& path,
    const std::vector<nn::NamedParameter>& parameters,
    const std::vector<nn::NamedBuffer>& buffers, const LoadPolicy& policy) {
  NamedTensors file = ReadSafetensors(path, IsIgnored);
  StripModulePrefix(&file);
  auto handles = parameters;
  const auto targets = TargetsOf(&handles, buffers);
  CopyMatched(targets, Match(path, targets, file, policy));
  return std::move(file.metadata);
}

void SaveTrainingState(const std::filesystem::path& path,
                       const std::vector<nn::NamedParameter>& parameters,
                       const std::vector<nn::NamedBuffer>& buffers,
                       Optimizer* optimizer, const TrainingProgress& progress) {
  auto handles = parameters;
  auto targets = TargetsOf(&handles, buffers);
  AddSlots(optimizer, &targets);
  NamedTensors file = Collect(targets);
  file.metadata = progress.values;
  file.metadata["format"] = kStateFormat;
  file.metadata["epoch"] = std::to_string(progress.epoch);
  file.metadata["step"] = std::to_string(progress.step);
  WriteSafetensors(path, file);
}

namespace {

// Takes the progress out of the metadata of a training state's file.
TrainingProgress TakeProgress(const std::filesystem::path& path,
                              NamedTensors* file) {
  const auto format = file->metadata.extract("format");
  OHM_CHECK(!format.empty() && format.mapped() == kStateFormat,
            "'" + path.string() +
                "' is not a training state: expected format '" + kStateFormat +
                "', got '" + (format.empty() ? "" : format.mapped()) + "'");
  TrainingProgress progress;
  progress.epoch = Counter(path, &file->metadata, "epoch");
  progress.step = Counter(path, &file->metadata, "step");
  progress.values = std::move(file->metadata);
  return progress;
}

}  // namespace

TrainingProgress ReadTrainingProgress(const std::filesystem::path& path) {
  NamedTensors file = ReadSafetensors(path);
  return TakeProgress(path, &file);
}

TrainingProgress LoadTrainingState(
    const std::filesystem::path& path,
    const std::vector<nn::NamedParameter>& parameters,
    const std::vector<nn::NamedBuffer>& buffers, Optimizer* optimizer) {
  NamedTensors file = ReadSafetensors(path);
  TrainingProgress progress = TakeProgress(path, &file);
  auto handles = parameters;
  auto targets = TargetsOf(&handles, buffers);
  AddSlots(optimizer, &targets);
  CopyMatched(targets, Match(path, targets, file, {}));
  return progress;
}

std::string HashWeights(const std::vector<nn::NamedParameter>& parameters,
                        const std::vector<nn::NamedBuffer>& buffers) {
  Fnv1a hash;
  auto handles = parameters;
  for (const Target& target : TargetsOf(&handles, buffers)) {
    hash.Add(target.name.c_str(), target.name.size() + 1);
    if (!target.tensor->defined()) continue;
    const std::string kind = Describe(*target.tensor, target.tensor->shape());
    hash.Add(kind.c_str(), kind.size() + 1);
    hash.Add(target.tensor->raw(), target.tensor->bytes());
  }
  return hash.Hex();
}

}  // namespace ohm::train
