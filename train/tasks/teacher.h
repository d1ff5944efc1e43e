// Learning a task from a network that has learned it with all its weights: what
// labels alone do not lead a mask to, its outputs show (distillation, Hinton et
// al., 2015; as a teacher of masks ours).
#pragma once

#include <memory>

#include "nn/models/model.h"
#include "train/config.h"
#include "train/tasks/method.h"
#include "train/tasks/task_state.h"

namespace ohm::train {

// Whether config.tasks asks for a teacher.
bool HasTeacher(const Config& config);

// The training of the teacher: that of `config` by method tasks.teacher, with
// tasks.teacher_lr, no teacher of its own, and no statistics set anew. Requires
// HasTeacher, as do the others.
Config TeacherConfig(const Config& config);
const MethodRow& TeacherMethod(const Config& config);

// A network of its own, set to what the teacher has learned, `state`, on the
// devices that tasks are learned on. Its backbone is a copy of `model`'s.
std::unique_ptr<nn::Model> MakeTeacher(const Config& config, nn::Model* model,
                                       const TaskState& state);

}  // namespace ohm::train
