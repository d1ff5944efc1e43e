#include "nn/module.h"

namespace ohm::nn {

const char* NameOf(Role role) {
  constexpr const char* kNames[] = {
      "conv weight", "linear weight", "bias",        "norm scale", "norm shift",
      "mask score",  "mask factor",   "mask weight", "ADC range"};
  return kNames[static_cast<int>(role)];
}

bool IsNorm(Role role) {
  return role == Role::kNormScale || role == Role::kNormShift;
}

bool IsMask(Role role) {
  return role == Role::kMaskScore || role == Role::kMaskFactor ||
         role == Role::kMaskWeight;
}

Var Module::AddParameter(std::string name, Role role, Tensor value) {
  Var var(std::move(value), /*requires_grad=*/true);
  parameters_.push_back({std::move(name), role, var});
  return var;
}

void Module::AddBuffer(std::string name, Tensor* tensor) {
  buffers_.push_back({std::move(name), tensor});
}

void Module::ListMore(std::vector<NamedParameter>* /*parameters*/,
                      std::vector<NamedBuffer>* /*buffers*/) {}

void Module::List(const std::string& prefix,
                  std::vector<NamedParameter>* parameters,
                  std::vector<NamedBuffer>* buffers) {
  std::vector<NamedParameter> own_parameters = parameters_;
  std::vector<NamedBuffer> own_buffers = buffers_;
  ListMore(&own_parameters, &own_buffers);
  for (auto& p : own_parameters) {
    parameters->push_back({prefix + p.name, p.role, p.var});
  }
  for (auto& b : own_buffers) buffers->push_back({prefix + b.name, b.tensor});
  for (const auto& [name, child] : children_) {
    child->List(prefix + name + ".", parameters, buffers);
  }
}

std::vector<NamedParameter> Module::Parameters() {
  std::vector<NamedParameter> parameters;
  std::vector<NamedBuffer> buffers;
  List("", &parameters, &buffers);
  return parameters;
}

std::vector<NamedBuffer> Module::Buffers() {
  std::vector<NamedParameter> parameters;
  std::vector<NamedBuffer> buffers;
  List("", &parameters, &buffers);
  return buffers;
}

void Module::Visit(const Visitor& visit) { VisitFrom("", visit); }

void Module::VisitFrom(const std::string& path, const Visitor& visit) {
  visit(path, *this);
  for (const auto& [name, child] : children_) {
    child->VisitFrom(path.empty() ? name : path + "." + name, visit);
  }
}

void Module::ClearGrads() {
  for (auto& parameter : Parameters()) parameter.var.ClearGrad();
}

}  // namespace ohm::nn
