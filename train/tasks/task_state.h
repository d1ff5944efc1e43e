// Everything that belongs to one task on a shared backbone: masks, batch norm,
// head and converter ranges. The backbone's own weights belong to none.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/tensor/tensor.h"
#include "nn/masks/mask.h"
#include "nn/models/model.h"

namespace ohm::train {

struct TaskState {
  // By dotted name; masks under "<layer>.crossbar.mask.<kind>" as packed bits
  // (u8), see nn/masks/mask.h.
  std::map<std::string, Tensor> tensors;
  std::string mask;         // row of nn::MaskTable(), or "" for none
  nn::MaskOptions options;  // that packed entries were made with
};

// A copy of the task that `model` is set to, with the mask of SetMasks.
TaskState CaptureTask(nn::Model* model, const std::string& mask,
                      const nn::MaskOptions& options = {});

// Sets `model` to a task; afterwards it computes what it computed when the
// state was captured, bit for bit. No weight of the backbone is touched. Error,
// with the name, where the state does not fit the model.
void ApplyTask(nn::Model* model, const TaskState& state);

// Gives every convolution of `model` a fresh mask of the kind `mask` (a row of
// nn::MaskTable()), or takes all masks away where it is "". The head has none:
// its weights are the task's own.
void SetMasks(nn::Model* model, const std::string& mask,
              const nn::MaskOptions& options);

// Which network a task belongs to: a hash of the backbone's own weights, which
// is also proof that they have not been changed, and in words how they lie in
// arrays, for masks of other arrays would mean other weights.
std::string BackboneHash(nn::Model* model);

// A safetensors file that names its backbone and ends its metadata with a
// checksum over all else; reading refuses another backbone and a file whose
// checksum does not fit.
void SaveTask(const std::filesystem::path& path, const TaskState& state,
              const std::string& backbone_hash);
TaskState LoadTask(const std::filesystem::path& path,
                   const std::string& backbone_hash);

}  // namespace ohm::train
