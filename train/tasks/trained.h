// Which of a network's parameters a task trains, and how fast each.
#pragma once

#include <memory>

#include "nn/models/model.h"
#include "train/optim/optimizer.h"
#include "train/options/tasks.h"
#include "train/tasks/method.h"

namespace ohm::train {

// Whether batch norm of a task follows its images while `normalising` and in
// training, or stays: as the method and tasks.norm say.
void SetNormMode(const MethodRow& method, const TasksOptions& options,
                 nn::Model* model);

// Leaves gradients to the head, to masks, to learned converter ranges, and to
// batch norm where the method and tasks.norm say so; SetNormMode. Clears all
// gradients. Masks must have been set.
void LeaveTrained(const MethodRow& method, const TasksOptions& options,
                  nn::Model* model);

// tasks.optimizer over what LeaveTrained has left, with the rates of
// tasks.lr_*; to be stepped with rates of 0..1.
std::unique_ptr<Optimizer> MakeTaskOptimizer(const TasksOptions& options,
                                             nn::Model* model);

// Copies the state of parameters that both have under one name and shape;
// weights of reprogrammed PEs, which may be others, start anew.
void TakeOverState(Optimizer* from, Optimizer* to);

}  // namespace ohm::train
