// Where a task's state keeps the masks of a layer. Internal to train/tasks.
#pragma once

#include <map>
#include <string>

#include "nn/masks/mask.h"
#include "nn/models/model.h"

namespace ohm::train {

// The head's arrays compute a task's own weights: a mask over them would
// repeat what its weights can say.
inline bool TakesMask(const nn::Model& model, const std::string& path) {
  return path != model.head_path();
}

inline std::string MaskPrefix(const std::string& path) {
  return path + ".crossbar.mask.";
}

// The mask of the layer at `path`, among a state's tensors.
inline nn::PackedMask PackedMaskOf(const std::map<std::string, Tensor>& tensors,
                                   const std::string& path) {
  const std::string prefix = MaskPrefix(path);
  nn::PackedMask packed;
  for (auto it = tensors.lower_bound(prefix);
       it != tensors.end() && it->first.starts_with(prefix); ++it) {
    packed[it->first.substr(prefix.size())] = it->second;
  }
  return packed;
}

}  // namespace ohm::train
