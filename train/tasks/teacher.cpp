#include "train/tasks/teacher.h"

#include <map>
#include <string>

#include "train/experiment.h"

namespace ohm::train {

bool HasTeacher(const Config& config) {
  return config.tasks.teacher != TasksOptions().teacher;
}

Config TeacherConfig(const Config& config) {
  Config own = config;
  own.tasks.methods = {config.tasks.teacher};
  own.tasks.lr_weights = config.tasks.teacher_lr;
  own.tasks.teacher = TasksOptions().teacher;
  own.tasks.norm_batches = 0;
  return own;
}

const MethodRow& TeacherMethod(const Config& config) {
  return FindMethod(config.tasks.teacher);
}

std::unique_ptr<nn::Model> MakeTeacher(const Config& config, nn::Model* model,
                                       const TaskState& state) {
  Config own = config;
  own.model.weights.clear();  // those of `model` count
  own.model.classes = 0;
  if (config.tasks.learn_on == "ideal") own.device = {};
  const int64_t outputs = model->head().weight().shape()[0];
  auto teacher = BuildModel(own, int(outputs));
  std::map<std::string, Tensor> values;
  for (const auto& p : model->Parameters()) values[p.name] = p.var.value();
  for (auto& p : teacher->Parameters()) {
    if (teacher->IsHead(p.name)) continue;  // the task's own
    p.var.mutable_value().CopyFrom(values.at(p.name));
  }
  ApplyTask(teacher.get(), state);
  return teacher;
}

}  // namespace ohm::train
