// The safetensors file format, as the reference implementation reads and
// writes it (github.com/huggingface/safetensors): 8 bytes of little-endian
// header length, a JSON header, and the tensors' bytes without gaps.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor/tensor.h"

namespace ohm::train {

struct NamedTensors {
  std::vector<std::pair<std::string, Tensor>> tensors;  // names are unique
  std::map<std::string, std::string> metadata;

  const Tensor* Find(const std::string& name) const;  // nullptr if absent
};

// Tensors whose name `skip` accepts are checked like all others, but not
// returned, so they may have a type ohmgrad has none for (I64, F16, ...).
using SkipTensor = std::function<bool(const std::string& name)>;

// Types read: F32, BF16, I32, I8, U8. Every length, offset and shape is
// checked before any tensor is made; Error names the file and, where it
// applies, the tensor. Tensors come in the order of their bytes in the file.
NamedTensors ReadSafetensors(const std::filesystem::path& path,
                             const SkipTensor& skip = nullptr);

// Whole or not at all (WriteFileAtomically). Tensors keep their order, wider
// types first, so that every tensor is aligned to its own type. Shapes and
// bytes are written as they are. Error for undefined tensors, repeated or
// reserved names and text that is not UTF-8.
void WriteSafetensors(const std::filesystem::path& path,
                      const NamedTensors& contents);

}  // namespace ohm::train
