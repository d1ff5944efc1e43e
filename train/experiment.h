// From a config to the things it names: data, network, batches.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "datasets/batch_stream.h"
#include "datasets/table.h"
#include "nn/models/model.h"
#include "train/config.h"

namespace ohm::train {

// Sets the number of computing threads that train.threads asks for.
void ApplyThreads(const Config& config);

// UsageError where the config names no model.weights, for what makes no sense
// with weights that were only drawn.
void CheckWeights(const Config& config);

// UsageError where model.weights is what a run in `run_dir` leaves itself: the
// run would move it away or write over it.
void CheckWeightsStay(const Config& config,
                      const std::filesystem::path& run_dir);

// UsageError where model.classes are fewer than the data set's.
void CheckClasses(const Config& config, int classes);

// The data set `name`, brought to data.image_size. Error if it is not below
// data.root or broken.
datasets::OpenedDataset OpenData(const Config& config, const std::string& name);

// How images become batches: normalised with data.mean and data.std, or the
// set's own; with `augment`, shuffled, cropped and flipped as the config says.
datasets::BatchOptions MakeBatchOptions(const Config& config,
                                        const datasets::OpenedDataset& data,
                                        int64_t batch, bool augment, Key key);

// The images of eval.split, in order, eval.batch at a time.
datasets::BatchStream EvalStream(const Config& config,
                                 const datasets::OpenedDataset& data);

// The network of the config for `classes` outputs, or model.classes (errors as
// CheckClasses), on crossbars where hw.preset is set, with model.weights loaded
// if given. A file without converter ranges leaves them uncalibrated.
std::unique_ptr<nn::Model> BuildModel(const Config& config, int classes);

// The same network without crossbars and with the same weights.
std::unique_ptr<nn::Model> BuildDigitalModel(const Config& config, int classes);

// Sets the converter ranges of a model on crossbars from
// train.calibration_batches batches of training images, drawn by train.seed and
// not augmented. Nothing happens where the ranges came with the weights, or
// without crossbars.
void CalibrateIfNeeded(const Config& config,
                       const datasets::OpenedDataset& data, nn::Model* model);

}  // namespace ohm::train
