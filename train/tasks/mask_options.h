// What the keys of [tasks] ask of masks.
#pragma once

#include "nn/masks/mask.h"
#include "train/config.h"
#include "train/tasks/method.h"

namespace ohm::train {

// The options of masks that config.tasks asks for.
nn::MaskOptions MaskOptionsOf(const TasksOptions& tasks);

// UsageError that names tasks.methods where the method's mask, which knows them
// itself, does not take these options.
void CheckMaskOptions(const Config& config, const MethodRow& method);

// Whether the method may train parameters of `role`: kMaskScore, kMaskFactor or
// kMaskWeight, which tasks.lr_mask, lr_scale and lr_weights are the rates of.
// What methods with PEs train depends on the choice: true.
bool MayTrain(const Config& config, const MethodRow& method, nn::Role role);

}  // namespace ohm::train
