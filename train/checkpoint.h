// Weights and training states as safetensors files. Weight files have
// PyTorch's names and shapes: what torch saves loads here and the reverse.
// In memory a convolution weight is [out, kh, kw, in / groups], in the file
// [out, in / groups, kh, kw]; all else is written as it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "nn/module.h"
#include "train/optim/optimizer.h"

namespace ohm::train {

// What may differ between a weight file and the model. Always tolerated:
// entries that end in "num_batches_tracked" (any type), and a "module." prefix
// before all names of the file (torch DataParallel).
struct LoadPolicy {
  // Crossbar state is every buffer with a path component "crossbar", such as
  // calibrated converter ranges.
  bool crossbar_may_be_missing = false;  // a digital file, a crossbar model
  bool ignore_crossbar = false;          // a crossbar file, a digital model
  // Converter ranges are left as they are, whatever the file holds.
  bool ignore_ranges = false;
};

// Parameters and buffers; buffers that hold nothing (undefined) are left out.
// Whole or not at all. `metadata` goes into the file's __metadata__.
void SaveWeights(const std::filesystem::path& path,
                 const std::vector<nn::NamedParameter>& parameters,
                 const std::vector<nn::NamedBuffer>& buffers,
                 const std::map<std::string, std::string>& metadata = {});

// Copies the file's tensors into the parameters and buffers and returns its
// metadata. Strict: Error lists every missing, unexpected and wrongly shaped
// or typed name in one sentence, and those that hold no numbers. The file is
// checked in full before the first tensor is changed. A buffer that holds
// nothing takes the file's tensor, of any shape, and may be missing.
std::map<std::string, std::string> LoadWeights(
    const std::filesystem::path& path,
    const std::vector<nn::NamedParameter>& parameters,
    const std::vector<nn::NamedBuffer>& buffers, const LoadPolicy& policy = {});

// Where a run is. `values` holds whatever else must survive (the best accuracy
// so far, say), as text.
struct TrainingProgress {
  int64_t epoch = 0;  // epochs finished
  int64_t step = 0;   // optimiser steps done
  std::map<std::string, std::string> values;
};

// All a stopped run needs to continue with the same bits: parameters, buffers,
// optimiser slots ("optimizer.<slot>.<parameter>") and progress, in one file,
// so that they always belong together.
void SaveTrainingState(const std::filesystem::path& path,
                       const std::vector<nn::NamedParameter>& parameters,
                       const std::vector<nn::NamedBuffer>& buffers,
                       Optimizer* optimizer, const TrainingProgress& progress);

// The reverse, strict and checked in full first, as LoadWeights. Error if the
// file is not a training state or belongs to other groups or optimiser.
TrainingProgress LoadTrainingState(
    const std::filesystem::path& path,
    const std::vector<nn::NamedParameter>& parameters,
    const std::vector<nn::NamedBuffer>& buffers, Optimizer* optimizer);

// The progress that a training state holds. Error if the file is none.
TrainingProgress ReadTrainingProgress(const std::filesystem::path& path);

// FNV-1a (64 bits) over names, types, shapes and bytes in the given order, as
// 16 hex digits: equal for models that are equal bit for bit.
std::string HashWeights(const std::vector<nn::NamedParameter>& parameters,
                        const std::vector<nn::NamedBuffer>& buffers);

}  // namespace ohm::train
